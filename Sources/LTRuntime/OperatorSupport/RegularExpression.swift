// RegularExpression: whether a text matches a pattern in RE2's syntax, by a Thompson automaton: no backtracking, so the
// time is at most text length times pattern size. Not supported: \C, and scripts in \p (general categories are).
// https://github.com/google/re2/wiki/Syntax; K. Thompson, 1968, and https://swtch.com/~rsc/regexp/regexp2.html

import LTCore

struct RegularExpression: Sendable {
    /// What a place in a pattern may ask of its surroundings.
    enum Assertion: Sendable {
        case textStart, textEnd, lineStart, lineEnd, wordBoundary, noWordBoundary

        func holds(_ before: Unicode.Scalar?, _ after: Unicode.Scalar?) -> Bool {
            switch self {
            case .textStart: before == nil
            case .textEnd: after == nil
            case .lineStart: before == nil || before == "\n"
            case .lineEnd: after == nil || after == "\n"
            case .wordBoundary: isWord(before) != isWord(after)
            case .noWordBoundary: isWord(before) == isWord(after)
            }
        }

        private func isWord(_ scalar: Unicode.Scalar?) -> Bool {
            guard let scalar, scalar.isASCII else { return false }
            return ScalarSet.word.contains(scalar)
        }
    }

    /// The syntax tree.
    indirect enum Term {
        case scalar(ScalarSet)
        case assertion(Assertion)
        case sequence([Term])
        case choice([Term])
        case repeated(Term, Int, Int?)
    }

    private enum Instruction {
        case scalar(Int)
        case assertion(Assertion)
        /// Go on at both places.
        case fork(Int, Int)
        case match
    }

    /// Repetitions are written out; a pattern that grows beyond this is refused.
    private static let largest = 1 << 14

    private var program: [Instruction] = []
    private var sets: [ScalarSet] = []

    init(_ pattern: String) throws(LTError) {
        guard pattern.utf8.count <= Self.largest else {
            throw LTError(.unsupported, "a pattern of \(pattern.utf8.count) bytes, expected at most \(Self.largest)")
        }
        var parser = RegularExpressionParser(pattern)
        var effort = 0
        try emit(try parser.parse(), &effort)
        program.append(.match)
    }

    /// Appends the instructions of a term. `effort` counts terms, for those without instructions.
    private mutating func emit(_ term: Term, _ effort: inout Int) throws(LTError) {
        effort += 1
        guard effort <= Self.largest, program.count <= Self.largest else {
            throw LTError(.unsupported, "a pattern of more than \(Self.largest) steps, expected a smaller one")
        }
        switch term {
        case .scalar(let set):
            program.append(.scalar(sets.count))
            sets.append(set)
        case .assertion(let assertion): program.append(.assertion(assertion))
        case .sequence(let terms): for term in terms { try emit(term, &effort) }
        case .choice(let terms):
            var exits: [Int] = []
            for (index, term) in terms.enumerated() {
                let fork = index + 1 < terms.count ? reserve() : nil
                try emit(term, &effort)
                guard let fork else { break }
                exits.append(reserve())
                program[fork] = .fork(fork + 1, program.count)
            }
            for exit in exits { program[exit] = .fork(program.count, program.count) }
        case .repeated(let term, let least, let most):
            for _ in 0..<least { try emit(term, &effort) }
            guard let most else {
                let fork = reserve()
                try emit(term, &effort)
                program.append(.fork(fork, fork))
                program[fork] = .fork(fork + 1, program.count)
                return
            }
            var exits: [Int] = []
            for _ in least..<most {
                exits.append(reserve())
                try emit(term, &effort)
            }
            for exit in exits { program[exit] = .fork(exit + 1, program.count) }
        }
    }

    /// The place of an instruction that is filled in later.
    private mutating func reserve() -> Int {
        program.append(.match)
        return program.count - 1
    }

    /// Whether the whole text matches.
    func matchesAll(_ text: String) -> Bool {
        let scalars = text.unicodeScalars
        var (states, following) = (StateSet(program.count), StateSet(program.count))
        var (before, index) = (Unicode.Scalar?.none, scalars.startIndex)
        enter(0, &states, before, scalars.first)
        while index < scalars.endIndex {
            let scalar = scalars[index]
            scalars.formIndex(after: &index)
            let after = index < scalars.endIndex ? scalars[index] : nil
            following.removeAll()
            for state in states.members {
                if case .scalar(let set) = program[state], sets[set].contains(scalar) {
                    enter(state + 1, &following, scalar, after)
                }
            }
            swap(&states, &following)
            if states.members.isEmpty { return false }
            before = scalar
        }
        return states.members.contains(program.count - 1)
    }

    /// Adds a state and what can be reached from it without reading.
    private func enter(
        _ state: Int, _ states: inout StateSet, _ before: Unicode.Scalar?, _ after: Unicode.Scalar?
    ) {
        states.open.append(state)
        while let state = states.open.popLast() {
            guard states.insert(state) else { continue }
            switch program[state] {
            case .scalar, .match: break
            case .assertion(let assertion): if assertion.holds(before, after) { states.open.append(state + 1) }
            case .fork(let first, let second):
                states.open.append(first)
                if second != first { states.open.append(second) }
            }
        }
    }
}

/// A set of small numbers that is emptied in constant time.
private struct StateSet {
    private(set) var members: [Int] = []
    /// States that are still to be looked at.
    var open: [Int] = []
    private var places: [Int]

    init(_ capacity: Int) { places = [Int](repeating: 0, count: capacity) }

    mutating func insert(_ state: Int) -> Bool {
        let place = places[state]
        if place < members.count, members[place] == state { return false }
        places[state] = members.count
        members.append(state)
        return true
    }

    mutating func removeAll() { members.removeAll(keepingCapacity: true) }
}
