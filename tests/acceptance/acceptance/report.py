"""The report: Markdown to paste into an issue."""

from acceptance.answer import Verdict


def render(facts, answers, left):
    """Return the report. `answers` are pairs of a question and its answer."""
    lines = ["# Acceptance on real accounts", ""]
    lines += [f"- {name}: {value}" for name, value in facts]
    lines += ["", "| question | found | as expected |", "| --- | --- | --- |"]
    lines += [f"| {question.id} | {cell(answer.found)} | {answer.verdict.value} |" for question, answer in answers]
    contradictions = [(question, answer) for question, answer in answers if answer.verdict is Verdict.CONTRADICTION]
    if contradictions:
        lines += ["", "## Contradictions", ""]
        for question, answer in contradictions:
            lines.append(f"- {question.id}: expected {question.expects}, found: {cell(answer.found)}. Change: {question.change}.")
    lines += ["", "## What was asked", "", "| question | asked | how | expected |", "| --- | --- | --- | --- |"]
    lines += [f"| {question.id} | {question.asks} | {question.how} | {question.expects} |" for question, _ in answers]
    if left:
        lines += ["", "## Not removed", "", "These commands failed. Run them again:", "", "```sh", *left, "```"]
    return "\n".join(lines) + "\n"


def cell(text):
    """Return a text for a cell of a table: one line, without a pipe."""
    return " ".join(text.split()).replace("|", "\\|")
