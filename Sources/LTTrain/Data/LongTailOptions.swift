// LongTailOptions: the `longtail` part of a recipe's data section: which long-tailed part of the set is meant.
//   profile: exponential | step | none {factor or imbalance, seed}   class by class, shuffled as NumPy does (LDAM, IB)
//   profile: cdb {factor or imbalance}                               class by class, the first in file order
//   profile: pareto {max, min 1, shape 6, tail 0.99, seed}           images with several classes (DB)
//   ids: FILE                                                        the images that a list names

import Foundation
import LTCore
import LTData

/// A recipe's wish for a long-tailed part of a set.
public struct LongTailOptions: Sendable {
    private enum Profile: String, CaseIterable { case balanced = "none", exponential, step, cdb, pareto }

    private let options: LongTail
    /// A list of images, read when the data is.
    private let list: String?

    init(_ section: RecipeSection) throws(LTError) {
        let profile = try section.choice("profile", Profile.self)
        list = try section.string("ids")
        guard (profile == nil) != (list == nil) else {
            throw LTError(
                .invalidArgument,
                "\(section.place) has \(profile == nil ? "neither 'profile' nor" : "both 'profile' and") 'ids', "
                    + "expected one of them")
        }
        let imbalance: ImbalanceProfile
        let selection: LongTail.Selection
        switch profile {
        case nil: (imbalance, selection) = (.none, .listed([]))
        case .pareto?:
            imbalance = .pareto(
                shape: try section.double("shape", in: 0.1...1000) ?? 6,
                largest: try section.required("max", section.int("max", in: 1...1_000_000_000)),
                least: try section.int("min", in: 0...1_000_000_000) ?? 1,
                tail: try section.double("tail", in: 1e-9...0.999_999_999) ?? 0.99)
            selection = .cooccurring(seed: UInt64(try section.int("seed", in: 0...Int.max) ?? 0))
        case .balanced?:
            (imbalance, selection) = (.none, .shuffled(seed: try Self.seed(section)))
        case .exponential?:
            imbalance = .exponential(factor: try Self.factor(section))
            selection = .shuffled(seed: try Self.seed(section))
        case .step?:
            imbalance = .step(factor: try Self.factor(section))
            selection = .shuffled(seed: try Self.seed(section))
        case .cdb?: (imbalance, selection) = (.exponential(factor: try Self.factor(section)), .first)
        }
        try section.finish()
        options = LongTail(imbalance, selection)
        do { try imbalance.validate() } catch { throw error.inside(section.place) }
    }

    /// `factor`, the share of the rarest class, or `imbalance`, its reciprocal.
    private static func factor(_ section: RecipeSection) throws(LTError) -> Double {
        let factor = try section.double("factor", in: 1e-9...1)
        let imbalance = try section.double("imbalance", in: 1...1e9)
        guard (factor == nil) != (imbalance == nil) else {
            throw LTError(.invalidArgument, "\(section.place) must say either 'factor' or 'imbalance'")
        }
        return factor ?? 1 / (imbalance ?? 1)
    }

    /// NumPy takes 32 bits.
    private static func seed(_ section: RecipeSection) throws(LTError) -> UInt32 {
        UInt32(try section.int("seed", in: 0...Int(UInt32.max)) ?? 0)
    }

    /// The part of the set that is meant.
    /// - Throws: `io` when the list cannot be read; what `Dataset.longTailed` throws.
    public func apply(to dataset: Dataset) throws(LTError) -> Dataset {
        var options = options
        if let list { options.selection = .listed(try Self.names(list)) }
        return try dataset.longTailed(options)
    }

    /// The lines of a list that are not blank.
    static func names(_ path: String) throws(LTError) -> [String] {
        try within("list \(path)") { () throws(LTError) in
            let buffer = try readFile(path, limit: 1 << 30)
            let text = withExtendedLifetime(buffer) { String(validating: buffer.bytes, as: UTF8.self) }
            guard let text else {
                throw LTError(.malformed, "not UTF-8 text, expected one image on each line")
            }
            return text.split(whereSeparator: \.isNewline)
                .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
    }
}
