// FrequencyGroups: the rules that split classes by their training images, in one place. Each system has its own borders:
// Distribution-Balanced loss (head ≥ 100, middle 20–99, tail < 20), LVIS (r ≤ 10, c ≤ 100, f),
// ImageNet-LT (many > 100, medium 20–100, few < 20). A class with exactly 100 is head for one and medium for the other.
// EGTEA (majority > 600, minority < 600) has a class with exactly 600 in neither.

import LTCore

/// A named rule: groups in the order in which reports list them, each a closed range of training counts.
public struct FrequencyGroups: Sendable, Equatable {
    /// One group: the classes with `minimum` ≤ training count ≤ `maximum`.
    public struct Group: Sendable, Equatable, Codable {
        public var name: String
        /// `nil`: no lower border.
        public var minimum: Int?
        /// `nil`: no upper border.
        public var maximum: Int?

        public init(_ name: String, minimum: Int? = nil, maximum: Int? = nil) {
            self.name = name
            self.minimum = minimum
            self.maximum = maximum
        }

        public func contains(_ count: Int) -> Bool { count >= minimum ?? .min && count <= maximum ?? .max }

        enum CodingKeys: String, CodingKey {
            case name
            case minimum = "min"
            case maximum = "max"
        }
    }

    public var rule: String
    public var groups: [Group]

    public init(rule: String, groups: [Group]) {
        self.rule = rule
        self.groups = groups
    }

    /// Distribution-Balanced loss, COCO-MLT and VOC-MLT.
    public static let db = FrequencyGroups(
        rule: "db",
        groups: [Group("head", minimum: 100), Group("middle", minimum: 20, maximum: 99), Group("tail", maximum: 19)])
    /// LVIS v1: rare, common, frequent, by the images a category appears in.
    public static let lvis = FrequencyGroups(
        rule: "lvis",
        groups: [Group("r", maximum: 10), Group("c", minimum: 11, maximum: 100), Group("f", minimum: 101)])
    /// ImageNet-LT, Places-LT, CIFAR-LT (shot_acc of OLTR and classifier-balancing).
    public static let imageNetLT = FrequencyGroups(
        rule: "imagenet-lt",
        groups: [Group("many", minimum: 101), Group("medium", minimum: 20, maximum: 100), Group("few", maximum: 19)])

    /// EGTEA in Class-wise Difficulty-Balanced loss; exactly 600 is in no group.
    public static let egtea = FrequencyGroups(
        rule: "egtea", groups: [Group("majority", minimum: 601), Group("minority", maximum: 599)])

    /// The rules that have a name.
    public static let named = [db, lvis, imageNetLT, egtea]

    /// The rule of this name.
    /// - Throws: `notFound` with the names there are.
    public init(named name: String) throws(LTError) {
        guard let rule = Self.named.first(where: { $0.rule == name }) else {
            let names = Self.named.map(\.rule).joined(separator: ", ")
            throw LTError(.notFound, "no frequency rule '\(name)', expected one of \(names)")
        }
        self = rule
    }

    /// The position of the first group that holds a class with this many training images; `nil` when none does.
    public func index(ofCount count: Int) -> Int? { groups.firstIndex { $0.contains(count) } }

    /// The name of that group.
    public func name(ofCount count: Int) -> String? { index(ofCount: count).map { groups[$0].name } }

    /// For each group, in order, the positions of its classes.
    public func members(_ trainCounts: [Int]) -> [(name: String, classes: [Int])] {
        let own = trainCounts.map { index(ofCount: $0) }
        return groups.indices.map { group in (groups[group].name, own.indices.filter { own[$0] == group }) }
    }
}

/// JSON: `{"rule": "db", "groups": [{"name": "head", "min": 100}, …]}`; the bare name of a known rule is read too.
extension FrequencyGroups: Codable {
    enum CodingKeys: String, CodingKey { case rule, groups }

    public init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(String.self) {
            self = try FrequencyGroups(named: name)
        } else {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            rule = try values.decode(String.self, forKey: .rule)
            groups = try values.decode([Group].self, forKey: .groups)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(rule, forKey: .rule)
        try values.encode(groups, forKey: .groups)
    }
}
