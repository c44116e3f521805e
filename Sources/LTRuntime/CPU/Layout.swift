// Layout: how the elements of a float32 value lie in memory. Chains of convolutions keep their values in blocks of
// channels (nChw16c); everything else is row-major.

import CDNNL
import LTCore

/// How elements lie in memory.
enum Layout: Sendable, Equatable {
    /// Row-major.
    case plain
    /// [N, C, …] as [N, ⌈C / block⌉, …, block]; channels past C are zero.
    case blocked(Int)
    /// Another one that oneDNN chose. Boxed: a descriptor has 696 bytes, and Swift would keep the case in padding that C leaves
    /// unwritten.
    indirect case other(MemoryDesc)

    /// Recognises the layout of a descriptor.
    init(_ desc: MemoryDesc, _ shape: Shape) throws(LTError) {
        if shape.rank == 0 {
            self = .plain
            return
        }
        let plain = try MemoryDesc.plain(shape.dims)
        if desc == plain {
            self = .plain
            return
        }
        for block in [16, 8] {
            if let candidate = try Layout.blocked(block).blockedDesc(shape), candidate == desc {
                self = .blocked(block)
                return
            }
        }
        self = .other(desc)
    }

    /// The descriptor of a float32 tensor of this layout; scalars count as [1].
    func desc(_ shape: Shape) throws(LTError) -> MemoryDesc {
        switch self {
        case .plain: return try MemoryDesc.plain(shape.rank == 0 ? [1] : shape.dims)
        case .blocked:
            guard let desc = try blockedDesc(shape) else {
                throw LTError(.unsupported, "no blocked layout for shape \(shape)")
            }
            return desc
        case .other(let desc): return desc
        }
    }

    private func blockedDesc(_ shape: Shape) throws(LTError) -> MemoryDesc? {
        guard case .blocked(let block) = self else { return nil }
        let tag: dnnl_format_tag_t
        switch (shape.rank, block) {
        case (3, 16): tag = dnnl_nCw16c
        case (4, 16): tag = dnnl_nChw16c
        case (5, 16): tag = dnnl_nCdhw16c
        case (3, 8): tag = dnnl_nCw8c
        case (4, 8): tag = dnnl_nChw8c
        case (5, 8): tag = dnnl_nCdhw8c
        default: return nil
        }
        return try MemoryDesc(shape.dims, tag: tag)
    }

    /// Bytes that a value takes.
    func byteCount(_ type: ElementType, _ shape: Shape) throws(LTError) -> Int {
        switch self {
        case .plain: Tensor.byteCount(type, shape)
        default: try desc(shape).byteCount
        }
    }

    /// The row-major dimensions under which plain kernels see the memory: [N, C/block, …, block] for blocked layouts.
    func physicalDims(_ shape: Shape) -> [Int]? {
        switch self {
        case .plain: shape.dims
        case .blocked(let block):
            [shape[0], (shape[1] + block - 1) / block] + shape.dims.dropFirst(2) + [block]
        case .other: nil
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
            case .other: false
            }
        }
        return rowMajor(self) && rowMajor(other)
    }

    /// What the plan's listing calls it.
    func name(_ shape: Shape) -> String {
        switch self {
        case .plain: return "plain"
        case .blocked(let block):
            let spatial = ["w", "hw", "dhw"]
            return shape.rank >= 3 && shape.rank <= 5 ? "nC\(spatial[shape.rank - 3])\(block)c" : "blocked\(block)"
        case .other: return "oneDNN"
        }
    }
}
