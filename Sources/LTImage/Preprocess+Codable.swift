// The JSON of `lt.preprocess`: {"decode":{"exif","color"}, "precrop", "resize":{"mode","size","longest","kernel"}, "crop", "pad":
// {"value","multiple","at"}, "scale", "mean", "std", "layout"}. Keys may be absent (defaults of the initialisers); unknown ones
// are refused by name.

import LTCore

extension Preprocess: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case decode, precrop, resize, crop, pad, scale, mean, std, layout
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.knownKeys(Keys.self)
        self.init(
            decode: try values.decodeIfPresent(Decode.self, forKey: .decode) ?? Decode(),
            precrop: try values.decodeIfPresent(Size.self, forKey: .precrop),
            resize: try values.decodeIfPresent(Resize.self, forKey: .resize),
            crop: try values.decodeIfPresent(Size.self, forKey: .crop),
            pad: try values.decodeIfPresent(Pad.self, forKey: .pad),
            scale: try values.decodeIfPresent(Double.self, forKey: .scale) ?? 1 / 255,
            mean: try values.decodeIfPresent([Double].self, forKey: .mean) ?? [0],
            std: try values.decodeIfPresent([Double].self, forKey: .std) ?? [1],
            layout: try values.decodeIfPresent(Layout.self, forKey: .layout) ?? .nchw)
        try validate()
    }

    /// Reads the JSON value of `lt.preprocess`.
    /// - Throws: `malformed` for what is not JSON, an unknown key or a wrong type; `invalidArgument` for a value out of
    ///   range. The message names the key.
    public init(json: String) throws(LTError) {
        let value: JSONValue
        do throws(LTError) {
            value = try JSONValue(json)
        } catch {
            throw LTError(.malformed, "preprocess: \(error.message)")
        }
        do {
            self = try value.decode()
        } catch let error as LTError {
            throw error
        } catch let error as DecodingError {
            throw LTError(.malformed, "preprocess: \(error.keyedDescription)")
        } catch {
            throw LTError(.malformed, "preprocess: \(error)")
        }
    }

    /// The JSON value of `lt.preprocess`, keys sorted, every one written.
    public func json() throws(LTError) -> String {
        try validate()
        do {
            return try JSONValue(encoding: self).text
        } catch {
            throw LTError(.invalidArgument, "preprocess: \(error)")
        }
    }
}

extension Preprocess.Decode: Decodable {
    private enum Keys: String, CodingKey, CaseIterable { case exif, color }
    public init(from decoder: any Decoder) throws {
        let values = try decoder.knownKeys(Keys.self)
        self.init(
            exif: try values.decodeIfPresent(Bool.self, forKey: .exif) ?? true,
            color: try values.decodeIfPresent(Preprocess.Color.self, forKey: .color) ?? .rgb)
    }
}

extension Preprocess.Size: Codable {
    public init(from decoder: any Decoder) throws {
        if let side = try? decoder.singleValueContainer().decode(Int.self) {
            self.init(side)
            return
        }
        let sides = try decoder.singleValueContainer().decode([Int].self)
        guard sides.count == 2 else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "\(sides.count) numbers, expected one number or [height, width]"))
        }
        self.init(height: sides[0], width: sides[1])
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if height == width { try container.encode(height) } else { try container.encode([height, width]) }
    }
}

extension Preprocess.Resize: Decodable {
    private enum Keys: String, CodingKey, CaseIterable { case mode, size, longest, kernel }
    public init(from decoder: any Decoder) throws {
        let values = try decoder.knownKeys(Keys.self)
        self.init(
            mode: try values.decode(Mode.self, forKey: .mode),
            size: try values.decode(Preprocess.Size.self, forKey: .size),
            longest: try values.decodeIfPresent(Int.self, forKey: .longest),
            kernel: try values.decode(ResizeKernel.self, forKey: .kernel))
    }
}

extension Preprocess.Pad: Decodable {
    private enum Keys: String, CodingKey, CaseIterable { case value, multiple, at }
    public init(from decoder: any Decoder) throws {
        let values = try decoder.knownKeys(Keys.self)
        self.init(
            value: try values.decodeIfPresent([Double].self, forKey: .value) ?? [0],
            multiple: try values.decodeIfPresent(Int.self, forKey: .multiple) ?? 1,
            at: try values.decodeIfPresent(Place.self, forKey: .at) ?? .center)
    }
}

extension DecodingError {
    fileprivate var keyedDescription: String {
        func say(_ context: Context, _ more: String = "") -> String {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            return (path.isEmpty ? "" : "\(path): ") + context.debugDescription + more
        }
        switch self {
        case .keyNotFound(let key, let context):
            let path = (context.codingPath.map(\.stringValue) + [key.stringValue]).joined(separator: ".")
            return "key '\(path)' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            return say(context)
        @unknown default: return "\(self)"
        }
    }
}
