// Session: what a host knows as lt_session: one thread's running copy of a model. Images in, decisions out; raw tensors are
// in Session+Tensors.swift.

import CLongTail
import LTCore
import LTDecision
import LTImage
import LTPredictor
import LTRuntime
import Synchronization

/// One running copy; a second thread that comes while it is at work is turned away.
final class HostSession: Handled, @unchecked Sendable {
    static let kind: (name: String, mark: UInt) = ("lt_session", 2)

    let model: HostModel
    private let isBusy = Atomic(false)
    /// The scratch memory of images and of tensors is made when first needed.
    private var images: PredictorSession?
    private var tensors: LTRuntime.Session?

    init(_ model: HostModel) { self.model = model }

    /// Runs `body` unless another thread is at work.
    func exclusively(_ body: () throws(LTError) -> Void) throws(LTError) {
        guard isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
            throw LTError(.busy, "the session is at work in another thread", hint: "make a session for each thread")
        }
        defer { isBusy.store(false, ordering: .releasing) }
        try body()
    }

    /// The session that takes tensors.
    func tensorSession() throws(LTError) -> LTRuntime.Session {
        if let tensors { return tensors }
        let session = try LTRuntime.Session(model.plan)
        tensors = session
        return session
    }

    /// Decides about images, or clips of images.
    func decide(_ list: [lt_image], _ interruption: Interruption) throws(LTError) -> [Result<Decisions, LTError>] {
        let predictor: Predictor
        switch model.predictor {
        case .success(let found): predictor = found
        case .failure(let error): throw error
        }
        let session: PredictorSession
        if let images { session = images } else { session = try predictor.makeSession() }
        images = session
        guard let clip = predictor.clip else {
            return try session.decide(list.count, interruption: interruption) { (index, buffer) throws(LTError) in
                try HostImage(list[index]).sample(predictor, reusing: buffer)
            }
        }
        let (count, rest) = list.count.quotientAndRemainder(dividingBy: clip.frames)
        guard rest == 0 else {
            throw LTError(.invalidArgument, "\(list.count) images, expected whole clips of \(clip.frames) frames")
        }
        return try session.decide(count, interruption: interruption) { (index, buffer) throws(LTError) in
            try predictor.prepare(
                images: { (frame) throws(LTError) in
                    try HostImage(list[index * clip.frames + frame]).image(predictor.preprocess.decodeOptions)
                }, reusing: buffer)
        }
    }
}

/// An image of the host's, checked.
private enum HostImage {
    case encoded(UnsafeRawBufferPointer)
    case pixels(PixelView)

    init(_ image: lt_image) throws(LTError) {
        guard let data = image.data else { throw LTError(.invalidArgument, "lt_image.data is NULL") }
        guard image.size >= 0 else {
            throw LTError(.invalidArgument, "lt_image.size \(UInt(bitPattern: image.size)) is beyond this machine")
        }
        let bytes = UnsafeRawBufferPointer(start: data, count: image.size)
        let format: PixelView.Format
        switch Int(image.format) {
        case LT_IMAGE_ENCODED:
            self = .encoded(bytes)
            return
        case LT_IMAGE_RGB: format = .rgb
        case LT_IMAGE_BGR: format = .bgr
        case LT_IMAGE_RGBA: format = .rgba
        case LT_IMAGE_BGRA: format = .bgra
        case LT_IMAGE_GREY: format = .grey
        default:
            throw LTError(
                .invalidArgument, "lt_image.format \(image.format), expected LT_IMAGE_ENCODED (0) to LT_IMAGE_GREY (5)")
        }
        guard image.stride >= 0 else {
            throw LTError(.invalidArgument, "lt_image.stride \(UInt(bitPattern: image.stride)) is beyond this machine")
        }
        self = .pixels(
            PixelView(
                bytes: bytes, width: Int(image.width), height: Int(image.height),
                rowStride: image.stride == 0 ? nil : image.stride, format: format))
    }

    func sample(_ predictor: Predictor, reusing buffer: Buffer?) throws(LTError) -> Sample {
        switch self {
        case .encoded(let bytes): try predictor.prepare(bytes, reusing: buffer)
        case .pixels(let pixels): try predictor.prepare(pixels, reusing: buffer)
        }
    }

    func image(_ options: DecodeOptions) throws(LTError) -> Image {
        switch self {
        case .encoded(let bytes): try Image.decode(bytes, options)
        case .pixels(let pixels): try Image(pixels, options)
        }
    }
}

@c @implementation
public func lt_session_create(_ model: OpaquePointer!, _ session: UnsafeMutablePointer<OpaquePointer?>!) -> lt_status {
    guarded { () throws(LTError) in
        let place = try out(session, "session")
        place.pointee = try Handles.add(HostSession(try Handles.object(model)))
    }
}

@c @implementation
public func lt_session_release(_ session: OpaquePointer!) { Handles.remove(session, HostSession.self) }

@c @implementation
public func lt_session_predict(
    _ session: OpaquePointer!, _ images: UnsafePointer<lt_image>!, _ count: Int,
    _ options: UnsafePointer<lt_run_options>!, _ results: UnsafeMutablePointer<OpaquePointer?>!
) -> lt_status {
    guarded { () throws(LTError) in
        let session = try Handles.object(session, HostSession.self)
        let place = try out(results, "results")
        let interruption = try interruption(options)
        let list = try lt_image.read(images, count: try positive(count))
        try session.exclusively { () throws(LTError) in
            let decisions = try session.decide(list, interruption)
            place.pointee = try Handles.add(try HostResults(decisions, session.model))
        }
    }
}

@c @implementation
public func lt_session_predict_into(
    _ session: OpaquePointer!, _ images: UnsafePointer<lt_image>!, _ count: Int,
    _ options: UnsafePointer<lt_run_options>!, _ buffers: UnsafePointer<lt_score_buffers>!
) -> lt_status {
    guarded { () throws(LTError) in
        let session = try Handles.object(session, HostSession.self)
        let buffers = try lt_score_buffers.read(buffers)
        let interruption = try interruption(options)
        let list = try lt_image.read(images, count: try positive(count))
        let classes = session.model.classes.count
        guard session.model.layer.task?.isDetection != true else {
            throw LTError(.unsupported, "a detector has no row of scores", hint: "use lt_session_predict")
        }
        if case .success = session.model.predictor, buffers.class_count != classes {
            throw LTError(
                .shapeMismatch, "class_count \(UInt(bitPattern: buffers.class_count)), the model has \(classes)")
        }
        try session.exclusively { () throws(LTError) in
            for (index, result) in try session.decide(list, interruption).enumerated() {
                let row = index * classes
                var state = lt_status(LT_OK)
                let decisions: [ClassDecision]?
                switch result {
                case .success(let all): decisions = all.classes
                case .failure(let error):
                    state = report(error.inside("image \(index)"))
                    decisions = nil
                }
                for column in 0..<classes {
                    buffers.raw?[row + column] = decisions?[column].raw ?? 0
                    buffers.scores?[row + column] = decisions?[column].score ?? 0
                    buffers.decisions?[row + column] = decisions?[column].isPositive == true ? 1 : 0
                }
                buffers.statuses?[index] = state
            }
        }
    }
}

/// A host's count: sizes beyond this machine's come as negative numbers.
func positive(_ count: Int) throws(LTError) -> Int {
    guard count >= 0 else {
        throw LTError(.invalidArgument, "count \(UInt(bitPattern: count)) is beyond this machine")
    }
    return count
}
