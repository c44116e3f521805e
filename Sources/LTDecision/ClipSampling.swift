// ClipSampling: which frames of a video a clip model sees, and how they lie in its input (`lt.clip`).

import LTCore

/// How a clip of frames is taken from a video's frames.
public struct ClipSampling: Sendable, Equatable, Codable {
    public enum Sampling: String, Sendable, Codable, CaseIterable {
        /// A window in the middle: every `stride`-th frame; where the video is shorter, its last frame again.
        case center
        /// The video in as many equal segments as the clip has frames, the middle frame of each.
        case segments
    }

    /// Where the time axis lies.
    public enum Layout: String, Sendable, Codable, CaseIterable {
        /// [channels, frames, height, width]
        case cthw
        /// [frames, channels, height, width]
        case tchw
    }

    /// Frames of one clip.
    public var frames: Int
    public var sampling: Sampling
    /// Frames of the video from one frame of the clip to the next; of `center`.
    public var stride: Int
    public var layout: Layout

    public init(frames: Int, sampling: Sampling, stride: Int = 1, layout: Layout = .cthw) {
        self.frames = frames
        self.sampling = sampling
        self.stride = stride
        self.layout = layout
    }

    /// The positions of the clip's frames among a video's `count` frames, at least one.
    public func positions(of count: Int) -> [Int] {
        switch sampling {
        case .center:
            let start = max(0, (count - (frames - 1) * stride - 1) / 2)
            return (0..<frames).map { min(count - 1, start + $0 * stride) }
        case .segments:
            return (0..<frames).map { (2 * $0 + 1) * count / (2 * frames) }
        }
    }

    /// Random positions for training: one frame in each segment, or a window anywhere. Segment t is
    /// ⌊t · count / frames⌋ ..< ⌊(t + 1) · count / frames⌋ and holds the frame that `positions` takes; an empty one, of a
    /// short video, is the frame that it begins with.
    public func draw(of count: Int, _ generator: inout SeededGenerator) -> [Int] {
        switch sampling {
        case .center:
            let start = generator.below(max(1, count - (frames - 1) * stride))
            return (0..<frames).map { min(count - 1, start + $0 * stride) }
        case .segments:
            return (0..<frames).map { segment in
                let start = segment * count / frames
                return start + generator.below(max(1, (segment + 1) * count / frames - start))
            }
        }
    }

    /// - Throws: `invalidArgument` for numbers out of range.
    func validate() throws(LTError) {
        for (name, value) in [("frames", frames), ("stride", stride)] where !(1...4096).contains(value) {
            throw LTError(.invalidArgument, "lt.clip \(name) is \(value), expected 1 … 4096")
        }
        guard sampling == .center || stride == 1 else {
            throw LTError(.invalidArgument, "lt.clip has stride \(stride), which sampling segments does not take")
        }
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case frames, sampling, stride, layout
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.knownKeys(CodingKeys.self)
        self.init(
            frames: try keys.decode(Int.self, forKey: .frames),
            sampling: try keys.decode(Sampling.self, forKey: .sampling),
            stride: try keys.decodeIfPresent(Int.self, forKey: .stride) ?? 1,
            layout: try keys.decodeIfPresent(Layout.self, forKey: .layout) ?? .cthw)
    }
}
