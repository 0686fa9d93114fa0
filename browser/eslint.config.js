import js from "@eslint/js";
import globals from "globals";

const FEATURES = ["tokens", "filter", "replay", "compare"];

export default [
  { ignores: ["dist/"] },
  js.configs.recommended,
  {
    languageOptions: { globals: globals.browser },
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-shadow": ["error", { builtinGlobals: false }],
      "no-control-regex": "off", // glyphs.js names them
    },
  },
  ...FEATURES.map((feature) => ({
    files: [`${feature}/**`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [...FEATURES.filter((other) => other !== feature), "learn"].map((other) => ({
            group: [`../${other}/*`],
            message: "No feature imports another: what two of them use is in shared/.",
          })),
        },
      ],
    },
  })),
  {
    files: ["shared/**", "engine/**"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [...FEATURES, "learn"].map((name) => `../${name}/*`) },
      ],
    },
  },
  {
    files: ["**/*.test.js", "**/testing.js", "build.js", "eslint.config.js", "under_node.js"],
    languageOptions: { globals: globals.node },
  },
];
