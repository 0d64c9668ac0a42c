# SPDX-License-Identifier: Apache-2.0
"""C source with every condition and statement made such that it can be switched off.

Finds, in the bodies of functions:
  * each operand of && and ||, each condition of if, while, for and ?:, each comparison: made
    constantly false, and constantly true;
  * each statement that is an assignment or a call: left out;
  * each call whose value is returned, or is what an int begins with: 0 in its place.
Not taken: what only frees, and texts that say why.

It reads C as .clang-format leaves it, not all of C: where it is wrong the compiler says so.
"""
import re
from collections import namedtuple

TOKEN = re.compile(r"""
    (?P<skip>\s+|//[^\n]*|/\*.*?\*/|^[ \t]*\#(?:\\\n|[^\n])*)
  | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<word>[A-Za-z_]\w*)
  | (?P<number>\.?\d(?:[\w.]|[eEpP][+-])*)
  | (?P<op>->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||\+=|-=|\*=|/=|%=|&=|\|=|\^=|\.\.\.|[^\s\w])
""", re.X | re.S | re.M)

# file, function, line, text; to: "false", "true" (a condition), "0" (a call), "" (left out)
Place = namedtuple("Place", "number file function line text kinds")
Token = namedtuple("Token", "text start end")

TYPES = set("const struct enum union unsigned signed int char bool void long short float double "
            "_Atomic FILE ull va_list volatile".split())
WHOLE = {"int", "bool", "ssize_t", "size_t", "long", "unsigned"}
ASSIGN = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
COMPARE = {"==", "!=", "<", ">", "<=", ">="}
OPEN, CLOSE = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}
# What frees, wipes or speaks is no check.
NOT_TAKEN = re.compile(r"^(free|close|\w+_free|\w+_close|sodium_memzero|inflateEnd|va_start|va_end|"
                       r"v?snprintf|pthread_\w+_destroy)$")
# These say no already: the condition they stand behind is what is switched off.
REFUSALS = re.compile(r"fail|tamper|corrupt|bad_|_changed|nothing_there|complain|finding_note")


class Source:
    def __init__(self, name, text, first):
        self.name, self.text, self.first = name, text, first
        self.places, self.spans, self.function = [], [], ""
        self.tokens = []
        at = 0
        while at < len(text):
            m = TOKEN.match(text, at)
            if m.lastgroup != "skip":
                self.tokens.append(Token(m.group(), m.start(), m.end()))
            at = m.end()
        self.match = {}
        stack = []
        for i, t in enumerate(self.tokens):
            if t.text in OPEN:
                stack.append(i)
            elif t.text in CLOSE:
                self.match[stack.pop()] = i
        self.functions()

    def t(self, i):
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ""

    def between(self, a, b):
        """Text of the tokens [a, b)."""
        return " ".join(self.text[self.tokens[a].start:self.tokens[b - 1].end].split())

    def add(self, a, b, kinds, macro):
        number = self.first + len(self.places)
        line = self.text.count("\n", 0, self.tokens[a].start) + 1
        self.places.append(Place(number, self.name, self.function, line, self.between(a, b),
                                 kinds))
        self.spans.append((self.tokens[a].start, self.tokens[b - 1].end,
                           "%s(%d, " % (macro, number), ")"))

    def top(self, a, b):
        """Indexes of the tokens [a, b) outside of brackets that open there."""
        i = a
        while i < b:
            yield i
            i = self.match[i] if i in self.match else i + 1
            if i < b and self.tokens[i].text in CLOSE:
                i += 1

    # --- functions and statements

    def functions(self):
        i = begin = 0
        while i < len(self.tokens):
            if self.t(i) == "{":
                if self.t(i - 1) == ")":
                    opens = next(k for k, v in self.match.items() if v == i - 1)
                    self.function = self.t(opens - 1)
                    self.returns = [t.text for t in self.tokens[begin:opens - 1]]
                    self.block(i)
                i = self.match[i] + 1
                begin = i
                continue
            if self.t(i) == ";":
                begin = i + 1
            i = self.match[i] + 1 if i in self.match else i + 1

    def block(self, i):
        end = self.match[i]
        i += 1
        while i < end:
            i = self.statement(i)
        return end + 1

    def semicolon(self, i):
        return next(k for k in self.top(i, len(self.tokens)) if self.t(k) == ";")

    def statement(self, i):
        word = self.t(i)
        if word == "{":
            return self.block(i)
        if word in ("if", "while", "switch"):
            end = self.match[i + 1]
            self.value(i + 2, end, word != "switch")
            i = self.statement(end + 1)
            if word == "if" and self.t(i) == "else":
                i = self.statement(i + 1)
            return i
        if word == "do":
            i = self.statement(i + 1)
            end = self.match[i + 1]
            self.value(i + 2, end, True)
            return end + 2
        if word == "for":
            end = self.match[i + 1]
            one = self.semicolon(i + 2)
            two = self.semicolon(one + 1)
            if one + 1 < two:
                self.value(one + 1, two, True)
            return self.statement(end + 1)
        if word in ("case", "default"):
            while self.t(i) != ":":
                i += 1
            return i + 1
        if self.t(i + 1) == ":":
            return i + 2
        end = self.semicolon(i)
        if word in ("goto", "break", "continue", ";"):
            pass
        elif word == "return":
            if i + 1 < end:
                if not self.call_to_zero(i + 1, end, self.returns):
                    self.value(i + 1, end, self.returns[-1:] == ["bool"])
        elif self.declares(i):
            self.declaration(i, end)
        else:
            self.value(i, end, False)
            self.left_out(i, end)
        return end + 1

    def declares(self, i):
        word = self.t(i)
        if word in TYPES or word == "static" or re.match(r"\w+_t$", word):
            return True
        is_word = re.compile(r"[A-Za-z_]\w*$").match
        return bool(is_word(word) and (is_word(self.t(i + 1)) or
                                       self.t(i + 1) == "*" and is_word(self.t(i + 2)) and
                                       self.t(i + 3) in ("=", ";", ",")))

    def declaration(self, i, end):
        if self.t(i) == "static":
            return
        words, at = [], i
        while self.t(at) not in ("=", ";", ",", "["):
            words.append(self.t(at))
            at += 1
        for a, b in self.split(i, end, ","):
            equals = next((k for k in self.top(a, b) if self.t(k) == "="), None)
            if equals is None:
                continue
            pointer = "*" in [self.t(k) for k in range(a, equals)]
            if not pointer and self.call_to_zero(equals + 1, b, words):
                continue
            self.value(equals + 1, b, False)

    def left_out(self, a, b):
        tops = list(self.top(a, b))
        equals = next((k for k in tops if self.t(k) in ASSIGN), None)
        if equals is None and (NOT_TAKEN.match(self.t(a)) or self.t(a) == "("):
            return
        if equals is not None and all(self.t(k)[0] == '"' for k in range(equals + 1, b)):
            return
        number = self.first + len(self.places)
        line = self.text.count("\n", 0, self.tokens[a].start) + 1
        self.places.append(Place(number, self.name, self.function, line, self.between(a, b),
                                 ("",)))
        self.spans.append((self.tokens[a].start, self.tokens[b].end, "MUTANT_DO(%d, " % number, ")"))

    def call_to_zero(self, a, b, words):
        """A plain call f(...), in a place for a number."""
        if not WHOLE.intersection(words) or self.t(a + 1) != "(" or self.match[a + 1] != b - 1:
            return False
        if REFUSALS.search(self.t(a)) or not re.match(r"[a-z_]\w*$", self.t(a)):
            return False
        self.value(a + 2, b - 1, False)
        self.add(a, b, ("0",), "MUTANT_CALL")
        return True

    # --- expressions

    def split(self, a, b, op):
        begin = a
        for k in list(self.top(a, b)):
            if self.t(k) == op:
                yield begin, k
                begin = k + 1
        yield begin, b

    def value(self, a, b, truth):
        """The expression [a, b), of which the truth counts, or also the value."""
        if a >= b:
            return
        tops = list(self.top(a, b))
        ops = [self.t(k) for k in tops]
        if self.t(a) == "{":
            return self.value(a + 1, b - 1, False)
        if "," in ops:
            for x, y in self.split(a, b, ","):
                self.value(x, y, False)
            return
        for k in tops:
            if self.t(k) in ASSIGN:
                self.inside(a, k)
                return self.value(k + 1, b, False)
        if "?" in ops:
            q = tops[ops.index("?")]
            depth = 0
            for k in tops[ops.index("?"):]:
                depth += {"?": 1, ":": -1}.get(self.t(k), 0)
                if depth == 0:
                    break
            self.value(a, q, True)
            self.value(q + 1, k, truth)
            return self.value(k + 1, b, truth)
        for op in ("||", "&&"):
            if op in ops:
                for n, (x, y) in enumerate(self.split(a, b, op)):
                    # all of it is false when one is: once is enough
                    self.operand(x, y, ("false", "true") if n == 0 else
                                 ("false",) if op == "||" else ("true",))
                return
        if truth or COMPARE.intersection(ops) or self.t(a) == "!":
            self.operand(a, b, ("false", "true"))
        else:
            self.inside(a, b)

    def operand(self, a, b, kinds):
        if self.t(a) == "(" and self.match[a] == b - 1:
            return self.value(a + 1, b - 1, True)
        if self.t(a) == "!" and self.t(a + 1) == "(" and self.match[a + 1] == b - 1:
            return self.value(a + 2, b - 1, True)
        tops = {self.t(k) for k in self.top(a, b)}
        if tops & {"||", "&&", "?"}:
            return self.value(a, b, True)
        self.inside(a, b)
        if b - a > 1 or not re.match(r"(\d.*|true|false)$", self.t(a)):
            self.add(a, b, kinds, "MUTANT_IS")

    def inside(self, a, b):
        for k in list(self.top(a, b)):
            if k in self.match and self.t(k) != "{":
                self.value(k + 1, self.match[k], False)

    # --- what comes out

    def instrumented(self):
        edits = []
        for start, end, before, after in self.spans:
            edits.append((start, 1, -end, before))
            edits.append((end, 0, -start, after))
        out, at = ['#include "mutant.h"\n#line 1 "%s"\n' % self.name], 0
        for pos, _, _, text in sorted(edits):
            out += [self.text[at:pos], text]
            at = pos
        return "".join(out) + self.text[at:]
