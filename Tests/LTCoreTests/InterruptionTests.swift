// Interruptions: what a flag, a deadline and neither say.

import LTCore
import Testing

@Suite struct InterruptionTests {
    private func code(_ interruption: Interruption) -> LTError.Code? {
        do throws(LTError) { try interruption.check() } catch { return error.code }
        return nil
    }

    @Test func nobodyInterrupts() {
        #expect(code(.none) == nil)
        #expect(code(Interruption(Cancellation(), deadline: .now + .seconds(3600))) == nil)
    }

    @Test func flagsGoUpAndDown() {
        let cancellation = Cancellation()
        let interruption = Interruption(cancellation)
        #expect(!cancellation.isCancelled && code(interruption) == nil)
        cancellation.cancel()
        cancellation.cancel()
        #expect(cancellation.isCancelled && code(interruption) == .cancelled)
        // Both at once: the flag is what somebody wanted.
        #expect(code(Interruption(cancellation, deadline: .now - .seconds(1))) == .cancelled)
        cancellation.reset()
        #expect(!cancellation.isCancelled && code(interruption) == nil)
    }

    @Test func deadlines() {
        let past = Interruption(deadline: .now - .seconds(1))
        #expect(code(past) == .timedOut)
        do throws(LTError) { try past.check() } catch {
            #expect(error.message.contains("before it began") && error.hint != nil)
        }
        let soon = Interruption(Cancellation(), deadline: .now + .milliseconds(2))
        while code(soon) == nil {}
        do throws(LTError) { try soon.check() } catch {
            #expect(error.code == .timedOut && error.message.contains("expected at most"))
        }
    }
}
