import js from "@eslint/js";
import globals from "globals";

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
  {
    files: ["**/*.test.js", "**/testing.js", "build.js", "eslint.config.js"],
    languageOptions: { globals: globals.node },
  },
];
