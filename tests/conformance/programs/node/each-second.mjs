// Repeats a part of a job each second until REPEAT_SECONDS are over. Without the variable, it happens once.
export async function* eachSecond() {
  const end = Date.now() + 1000 * Number(process.env.REPEAT_SECONDS ?? 0);
  for (;;) {
    yield;
    if (Date.now() >= end) return;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
