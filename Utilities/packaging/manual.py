#!/usr/bin/env python3
"""Writes manual pages (man(7)) of a tool and its subcommands from what `TOOL --experimental-dump-help` prints.

    lt-infer --experimental-dump-help |
        manual.py --out share/man/man1 --version 0.1.0 --date 2026-01-31 --documents /usr/local/share/doc/longtail
"""
import argparse
import json
import pathlib
import re
import sys

EXIT_CODES = re.compile(r"\s*Exit codes: ([^.]*)\.")


def escape(text):
    """Plain text as roff: hyphens stay the characters that one types, no line is taken for a request."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def bold(text):
    return rf"\fB{escape(text)}\fR"


def value(argument):
    return rf"\fI{escape(argument['valueName'])}\fR"


def spelling(name):
    return ("--" if name["kind"] == "long" else "-") + name["name"]


def shown(items):
    return [item for item in items if item["shouldDisplay"]]


def option(argument):
    """How an option is written: -o, --option value."""
    names = sorted(argument["names"], key=lambda name: name["kind"] == "long")
    text = ", ".join(bold(spelling(name)) for name in names)
    return text if argument["kind"] == "flag" else f"{text} {value(argument)}"


def term(argument):
    return value(argument) if argument["kind"] == "positional" else option(argument)


def explanation(argument):
    sentences = [argument.get("abstract", ""), argument.get("discussion", "")]
    if argument.get("allValues"):
        sentences.append(f"Values: {', '.join(argument['allValues'])}.")
    if "defaultValue" in argument and not any("Default:" in sentence for sentence in sentences):
        sentences.append(f"Default: {argument['defaultValue']}.")
    return escape(" ".join(sentence for sentence in sentences if sentence))


def usage(command, words):
    """The synopsis: what must be given, in full; the rest by name of its kind."""
    parts = [bold(" ".join(words))]
    arguments = shown(command.get("arguments", []))
    if any(a["isOptional"] and a["kind"] != "positional" for a in arguments):
        parts.append(r"[\fIoptions\fR]")
    for argument in arguments:
        if argument["kind"] == "positional":
            text = value(argument) + (r" \&..." if argument["isRepeating"] else "")
            parts.append(f"[{text}]" if argument["isOptional"] else text)
    for argument in arguments:
        if argument["kind"] != "positional" and not argument["isOptional"]:
            preferred = dict(argument, names=[argument["preferredName"]])
            parts.append(option(preferred) + (r" \&..." if argument["isRepeating"] else ""))
    if subcommands(command):
        parts.append(r"\fIsubcommand\fR [\fIarguments\fR]")
    return " ".join(parts)


def subcommands(command):
    return [c for c in shown(command.get("subcommands", [])) if c["commandName"] != "help"]


def summary(command):
    """A command's abstract as the NAME line has it: no capital, no full stop."""
    text = command["abstract"].rstrip(".")
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def page(command, parents, codes, options):
    words = parents + [command["commandName"]]
    name = "-".join(words)
    lines = [
        f'.TH {name.upper()} 1 "{options.date}" "LongTail {options.version}" "LongTail"',
        ".nh", ".ad l",
        ".SH NAME", rf"{escape(name)} \- {escape(summary(command))}",
        ".SH SYNOPSIS", usage(command, words),
        ".SH DESCRIPTION", escape(command["abstract"]),
    ]
    discussion = EXIT_CODES.sub("", command.get("discussion", "")).strip("\n")
    for paragraph in re.split(r"\n\s*\n", discussion) if discussion else []:
        # What is indented is laid out by hand.
        lines += [".PP"] + ([".nf", escape(paragraph), ".fi"] if "\n  " in paragraph else [escape(paragraph)])

    sections = {}
    for argument in shown(command.get("arguments", [])):
        title = "arguments" if argument["kind"] == "positional" else argument.get("sectionTitle", "options")
        sections.setdefault(title, []).append(argument)
    if subcommands(command):
        lines.append(".SH COMMANDS")
        for child in subcommands(command):
            lines += [".TP", rf"{bold('-'.join(words + [child['commandName']]))}(1)", escape(child["abstract"])]
    ordered = sorted(sections, key=lambda title: (title != "arguments", title != "options"))
    for title in ordered:
        lines.append(f".SH {escape(title.upper())}")
        for argument in sections[title]:
            lines += [".TP", term(argument), explanation(argument)]

    lines += [".SH FILES", ".TP", rf"\fI{escape(options.documents)}\fR", "README.md, docs/ and models/, which pages name."]
    lines.append(".SH EXIT STATUS")
    for code in codes:
        number, meaning = code.strip().split(" ", 1)
        lines += [".TP", bold(number), escape(meaning)]
    children = ["-".join(words + [c["commandName"]]) for c in subcommands(command)]
    others = ["-".join(parents)] if parents else [tool for tool in options.tools if tool != name]
    others += children + ["longtail"]
    references = [f"{bold(other)}({3 if other == 'longtail' else 1})" for other in others]
    lines += [".SH SEE ALSO", ",\n".join(references)]
    (options.out / f"{name}.1").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for child in subcommands(command):
        page(child, words, codes, options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--date", required=True)
    parser.add_argument("--documents", required=True, help="the folder of README.md, docs and models")
    parser.add_argument("--tools", nargs="*", default=["lt-train", "lt-infer", "lt-eval"])
    options = parser.parse_args()
    help_tree = json.load(sys.stdin)
    if help_tree.get("serializationVersion") != 0:
        sys.exit(f"manual.py: help of version {help_tree.get('serializationVersion')}, expected 0")
    command = help_tree["command"]
    codes = EXIT_CODES.search(command.get("discussion", ""))
    if not codes:
        sys.exit(f"manual.py: the help of {command['commandName']} does not say 'Exit codes: N MEANING, …'")
    options.out.mkdir(parents=True, exist_ok=True)
    page(command, [], codes.group(1).replace("\n", " ").split(", "), options)


main()
