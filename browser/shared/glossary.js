/** Made by `make glossary` of adaspec/glossary.py. */

export const GLOSSARY = {
 "target": {
  "name": "target p",
  "text": "The large model, whose text is wanted: it checks every guess."
 },
 "draft": {
  "name": "draft q",
  "text": "The small, quick model that guesses the next tokens."
 },
 "stock": {
  "name": "stock draft",
  "text": "The draft before any distillation."
 },
 "reference": {
  "name": "reference r",
  "text": "A model of the draft's size that was distilled from the target on every token: what a draft can learn, it has learned."
 },
 "rival": {
  "name": "rival q′",
  "text": "A second draft that the first is compared with."
 },
 "gamma": {
  "name": "γ",
  "text": "Draft length: tokens guessed before each pass of the target."
 },
 "pass": {
  "name": "pass",
  "text": "One run of the target over a round's guesses: it checks all of them at once."
 },
 "proposed": {
  "name": "proposed",
  "text": "The draft's guess; the target has not seen it yet."
 },
 "accepted": {
  "name": "accepted",
  "text": "The target keeps the draft's guess: a token for free."
 },
 "rejected": {
  "name": "rejected",
  "text": "The target does not keep the guess: everything after it is void."
 },
 "untested": {
  "name": "thrown away",
  "text": "Guessed after a rejected token: never tested."
 },
 "residual": {
  "name": "replaced",
  "text": "The target's own token in place of the rejected one, drawn from what it gives more than the draft: max(p − q, 0), scaled to sum to 1."
 },
 "bonus": {
  "name": "extra",
  "text": "All guesses were kept: the target's pass gives one more token, drawn from p."
 },
 "u": {
  "name": "u",
  "text": "The uniform random number of a decision: a guess is accepted if u < min(1, p/q)."
 },
 "keep": {
  "name": "chance of being kept",
  "text": "min(1, q/p): the probability that the draft's guess is accepted, given that this very token comes."
 },
 "temperature": {
  "name": "temperature",
  "text": "Of both models. 0 is greedy: always the likeliest token."
 },
 "top_k": {
  "name": "top-k",
  "text": "Only the k likeliest tokens of each model; 0: all."
 },
 "top_p": {
  "name": "top-p",
  "text": "Only the smallest set of likeliest tokens of each model that reaches this probability."
 },
 "plain": {
  "name": "plain decoding",
  "text": "The target alone, one token after the other: a pass a token."
 },
 "alpha.generated": {
  "name": "exact α",
  "text": "The exact acceptance rate: the mean of β over the tokens of continuations that the target sampled from held-out prompts: at temperature 1, or at the recipe's."
 },
 "alpha.generated_ci": {
  "name": "95 % interval",
  "text": "A 95 % percentile bootstrap interval of exact α: prompts are resampled."
 },
 "alpha.dataset": {
  "name": "α data set",
  "text": "The mean of β over the data set's own answers, which the target might never give."
 },
 "alpha.tested": {
  "name": "tested α",
  "text": "The tested acceptance rate A / (A + R): of the guesses that the target came to test, the share it accepted (A accepted, R rounds with a rejection). The maximum-likelihood estimate of α if acceptances were independent."
 },
 "alpha.drafted": {
  "name": "drafted α",
  "text": "The drafted acceptance rate: of all tokens drafted, the share that was accepted. It is what servers report, and falls as γ grows."
 },
 "block_efficiency": {
  "name": "tokens a pass",
  "text": "Block efficiency: tokens of the text per pass of the target. Plain decoding makes 1."
 },
 "accepted_lengths": {
  "name": "accepted lengths",
  "text": "Rounds in which exactly 0, 1, … γ guesses were accepted."
 },
 "accepted_length": {
  "name": "EAL",
  "text": "Expected accepted length: how many guesses rounds of γ accept on average, P₁ + P₂ + … + P_γ. A pass makes one token more."
 },
 "positions.passed": {
  "name": "passed",
  "text": "hᵢ: of the i-th guesses that were tested, the share accepted."
 },
 "positions.reached": {
  "name": "reached",
  "text": "Pᵢ = h₁ h₂ … hᵢ: the share of rounds that accept at least i guesses. Rounds that were cut short by the text's end count as far as they went."
 },
 "speedup.measured": {
  "name": "speed-up",
  "text": "Wall-clock milliseconds a token of plain decoding, over those of speculative decoding: the median over the timed prompts, both in one process, turn by turn, batch 1, without the prompt's own pass."
 },
 "speedup.gamma": {
  "name": "γ of the speed-up",
  "text": "The draft length at which the speed-up was measured."
 },
 "speedup.c": {
  "name": "cost ratio c",
  "text": "Milliseconds to draft one token over those of one token of plain decoding, medians."
 },
 "speedup.v": {
  "name": "verification cost v",
  "text": "Milliseconds of the target's pass over γ + 1 tokens over those of one token of plain decoding, medians."
 },
 "speedup.predicted": {
  "name": "predicted speed-up",
  "text": "(1 − α^(γ+1)) / (1 − α) / (γ c + v), with tested α: what independent acceptances and the measured costs would give."
 },
 "speedup.break_even_alpha": {
  "name": "break-even α",
  "text": "The α at which the predicted speed-up is 1 for this γ. Where there is none, no draft of this cost can pay."
 },
 "speedup.best_gamma": {
  "name": "best γ",
  "text": "The γ with the largest predicted speed-up, of those within the timed range; costs between timed ones are interpolated."
 },
 "rule.sampling": {
  "name": "exact sampling",
  "text": "The draft samples as the target does, and the target accepts with min(1, p/q): the rate is Σ min(p, q)."
 },
 "rule.greedy_drafting": {
  "name": "greedy drafting",
  "text": "The draft proposes its likeliest token whatever the temperature, and the target accepts it with its own probability of it."
 },
 "rule.exact_match": {
  "name": "exact match",
  "text": "Draft and target sample apart, and the guess is kept where both are the same token: the rate is Σ p q."
 },
 "costs": {
  "name": "costs of a server",
  "text": "Milliseconds at a batch size: of a pass of the target over one token of each sequence (plain), of one token drafted, and of a pass over γ + 1 tokens (verification)."
 },
 "overlap": {
  "name": "overlap β",
  "text": "β = Σ min(p, q) over the whole vocabulary: the exact probability that a token drafted here is accepted, before the token is known."
 },
 "kl": {
  "name": "KL",
  "text": "KL(p‖q) = Σ p (ln p − ln q) over the whole vocabulary, in nats: how far the draft is from the target at a token; 0 means equal. Of a text it is the mean over its tokens."
 },
 "reverse_kl": {
  "name": "reverse KL",
  "text": "KL(q‖p) in nats a token: large where the draft says what p would not."
 },
 "delta": {
  "name": "ΔL",
  "text": "ΔL = KL(p‖q) − KL(p‖r), in nats: how much better the reference does here than the draft. AdaSPEC keeps the tokens with the largest ΔL."
 },
 "k": {
  "name": "k",
  "text": "The filter ratio: the share of the answers' tokens that the draft is trained on, those with the largest ΔL. 1 is all of them."
 },
 "entry": {
  "name": "kept from k",
  "text": "The smallest k at which AdaSPEC keeps this token."
 },
 "probability": {
  "name": "p(token)",
  "text": "The probability that the model gave to this very token."
 },
 "rank": {
  "name": "rank",
  "text": "The place of this token among all that the model could say: 1 is its likeliest."
 },
 "entropy": {
  "name": "target entropy",
  "text": "H(p) = −Σ p ln p, in nats: how unsure the target itself is."
 },
 "top1": {
  "name": "top-1 agreement",
  "text": "The share of tokens where target and draft have the same likeliest token: what greedy decoding accepts."
 },
 "floor": {
  "name": "floor",
  "text": "β ≥ 1 − min(√(KL/2), √(1 − exp(−KL))): Pinsker, Bretagnolle and Huber. No token can lie below it; far above it, KL says little of acceptance."
 },
 "steps": {
  "name": "steps",
  "text": "Optimiser steps of this training."
 },
 "sequences": {
  "name": "sequences",
  "text": "Sequences that this training read."
 },
 "selected_tokens": {
  "name": "tokens trained",
  "text": "Response tokens that gave a gradient."
 },
 "teacher_forwards": {
  "name": "teacher forwards",
  "text": "Sequences that a frozen model, target or reference, was asked about; each is computed once a run where there is room."
 },
 "seconds": {
  "name": "seconds",
  "text": "Wall-clock seconds of this training, on the machine that ran it."
 },
 "budget": {
  "name": "budget",
  "text": "What this training alone cost: steps, sequences, tokens trained, teacher forwards and seconds; and the step whose weights are kept, where it is not the last."
 },
 "compute": {
  "name": "compute in all",
  "text": "Floating-point operations of everything a draft needed: the target's passes over the training rows and the answers it wrote for them, the reference where it is needed, its own training, and a stage 0 that the run did. 2 a parameter and token in a forward pass, 6 in training, prompts included; attention to earlier tokens, padding, held-out points and the measurement are left out. What drafts share counts in full for each."
 },
 "seconds_in_all": {
  "name": "seconds in all",
  "text": "Wall-clock seconds of everything a draft needed, as far as the run recorded them, on the machine that ran it."
 },
 "frontier": {
  "name": "frontier",
  "text": "The drafts that no other is above at as little compute: by what was measured, without regard to the intervals."
 },
 "needs": {
  "name": "needs",
  "text": "Other trainings of the run that this draft stands on, with budgets of their own."
 },
 "difference": {
  "name": "difference",
  "text": "Draft minus baseline on the same prompts, both resampled together, so that what makes a prompt hard for both cancels."
 },
 "verdict": {
  "name": "verdict",
  "text": "Ahead or behind where the 95 % interval leaves out 0, else not told apart."
 },
 "p_value": {
  "name": "p-value",
  "text": "How often chance alone would make a difference at least as large: a t-test over seeds and prompts, both taken as drawn at random."
 },
 "adjusted": {
  "name": "adjusted for the number of comparisons",
  "text": "By Holm's procedure, for all drafts compared by the same measure: the chance that any of them is called ahead or behind where nothing differs is at most 5 %. The interval is the t-test's at the level that this leaves."
 },
 "power": {
  "name": "what a design tells",
  "text": "The smallest true difference in exact acceptance that so many seeds and prompts show in 80 % of the cases, by how much differences varied before."
 },
 "agreement": {
  "name": "agreement",
  "text": "Tokens of the target's own text by whose likeliest token is the target's: both drafts', one's alone, or neither's."
 },
 "checks": {
  "name": "null test",
  "text": "The target drafts for itself: every guess must be accepted, but for rounding."
 },
 "business": {
  "name": "how busy",
  "text": "Of the machine while speed-ups were measured: load average, CPUs, and the share of their time that other processes took."
 },
 "remarks": {
  "name": "remarks",
  "text": "What to know before this draft is used."
 }
};
