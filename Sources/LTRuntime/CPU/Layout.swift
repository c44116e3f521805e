// Layout: how the elements of a value lie in memory, and what they are stored as. Chains of convolutions keep their values in
// blocks of channels (nChw16c), quantised ones channels-last (nhwc); everything else is row-major. A float32 value may be held
// in bfloat16; that changes neither its type in the graph nor what readers ask for: reorders convert.

import CDNNL
import LTCore

/// How elements lie in memory.
enum Layout: Sendable, Equatable {
    /// Row-major.
    case plain
    /// [N, C, …] as [N, ⌈C / block⌉, …, block]; channels past C are zero.
    case blocked(Int)
    /// [N, C, …] as [N, …, C].
    case channelsLast
    /// A float32 value in one of the layouts above, every element rounded to bfloat16.
    indirect case bfloat16(Layout)
    /// Another one that oneDNN chose. Boxed: a descriptor has 696 bytes, and Swift would keep the case in padding that C leaves
    /// unwritten.
    indirect case other(MemoryDesc)

    /// Recognises the layout of a descriptor.
    init(_ desc: MemoryDesc, _ shape: Shape) throws(LTError) {
        let type = desc.type ?? .float32
        func stored(_ layout: Layout) -> Layout { type == .bfloat16 ? .bfloat16(layout) : layout }
        if shape.rank == 0 {
            self = stored(.plain)
            return
        }
        for candidate in [Layout.plain, .blocked(16), .blocked(8), .channelsLast] {
            if let known = try candidate.known(shape, type), known == desc {
                self = stored(candidate)
                return
            }
        }
        self = .other(desc)
    }

    /// The descriptor of a tensor of this layout; scalars count as [1].
    func desc(_ shape: Shape, _ type: ElementType = .float32) throws(LTError) -> MemoryDesc {
        switch self {
        case .other(let desc): return desc
        case .bfloat16(let order): return try order.desc(shape, .bfloat16)
        case .plain, .blocked, .channelsLast:
            guard let desc = try known(shape, type) else {
                throw LTError(.unsupported, "no layout \(name(shape)) for shape \(shape)")
            }
            return desc
        }
    }

    private func known(_ shape: Shape, _ type: ElementType) throws(LTError) -> MemoryDesc? {
        let tag: dnnl_format_tag_t
        switch (self, shape.rank) {
        case (.plain, 0): return try MemoryDesc.plain([1], type)
        case (.plain, _): return try MemoryDesc.plain(shape.dims, type)
        case (.blocked(16), 3): tag = dnnl_nCw16c
        case (.blocked(16), 4): tag = dnnl_nChw16c
        case (.blocked(16), 5): tag = dnnl_nCdhw16c
        case (.blocked(8), 3): tag = dnnl_nCw8c
        case (.blocked(8), 4): tag = dnnl_nChw8c
        case (.blocked(8), 5): tag = dnnl_nCdhw8c
        case (.channelsLast, 3): tag = dnnl_nwc
        case (.channelsLast, 4): tag = dnnl_nhwc
        case (.channelsLast, 5): tag = dnnl_ndhwc
        default: return nil
        }
        return try MemoryDesc(shape.dims, tag: tag, type)
    }

    /// The order of the elements, whatever they are stored as.
    var order: Layout {
        if case .bfloat16(let order) = self { order } else { self }
    }

    /// Bytes that a value takes.
    func byteCount(_ type: ElementType, _ shape: Shape) throws(LTError) -> Int {
        switch self {
        case .plain: Tensor.byteCount(type, shape)
        default: try desc(shape, type).byteCount
        }
    }

    /// The row-major dimensions under which plain kernels see the memory: [N, C/block, …, block] for blocked layouts.
    func physicalDims(_ shape: Shape) -> [Int]? {
        switch self {
        case .plain: shape.dims
        case .blocked(let block):
            [shape[0], (shape[1] + block - 1) / block] + shape.dims.dropFirst(2) + [block]
        case .channelsLast: shape.rank < 3 ? nil : [shape[0]] + shape.dims.dropFirst(2) + [shape[1]]
        case .bfloat16, .other: nil
        }
    }

    /// Whether both layouts put every element of the shape at the same place (one pixel, whole blocks).
    func coincides(with other: Layout, _ shape: Shape) -> Bool {
        if self == other { return true }
        func rowMajor(_ layout: Layout) -> Bool {
            switch layout {
            case .plain: true
            case .blocked(let block):
                shape.rank >= 3 && shape[1] % block == 0 && shape.dims.dropFirst(2).allSatisfy { $0 == 1 }
            case .channelsLast:
                shape.rank >= 3 && (shape[1] == 1 || shape.dims.dropFirst(2).allSatisfy { $0 == 1 })
            case .bfloat16, .other: false
            }
        }
        if case (.bfloat16(let one), .bfloat16(let two)) = (self, other) { return one.coincides(with: two, shape) }
        return rowMajor(self) && rowMajor(other)
    }

    /// What the plan's listing calls it.
    func name(_ shape: Shape) -> String {
        switch self {
        case .plain: return "plain"
        case .blocked(let block):
            let spatial = ["w", "hw", "dhw"]
            return shape.rank >= 3 && shape.rank <= 5 ? "nC\(spatial[shape.rank - 3])\(block)c" : "blocked\(block)"
        case .channelsLast: return "channels last"
        case .bfloat16(let order): return "\(order.name(shape)) bf16"
        case .other: return "oneDNN"
        }
    }
}
