import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** System.out or System.err. */
final class Printer extends PrintStream {
    private boolean isBelowCode;
    private boolean wasCut;

    Printer(Channel channel, int stream) {
        super(new OutputStream() {
            @Override
            public void write(int value) {
                write(new byte[] {(byte) value}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) {
                if (length > 0 && Engine.isHeard()) channel.put(stream, bytes, offset, length);
            }
        }, true, StandardCharsets.UTF_8);
    }

    /** Prints a line of a stack trace, as printStackTrace does, but skips the kernel's frames. */
    @Override
    public void println(Object value) {
        String text = String.valueOf(value);
        boolean isFrame = text.startsWith("\tat ");
        if (value instanceof Throwable) wasCut = false;
        // The frames that a cause shares with the exception were removed there.
        if (isFrame ? isBelowCode : wasCut && text.startsWith("\t... ")) return;
        isBelowCode = isFrame && Sources.isEntry(text);
        wasCut |= isBelowCode;
        if (isFrame) super.println((Object) Sources.readFrame(text));
        else super.println((Object) (value instanceof Throwable || text.startsWith("Caused by: ") ? Sources.withoutWrappers(text) : text));
    }

    /** Ignores the call: some programs close their output, but the next run must still print. */
    @Override
    public void close() {
        flush();
    }
}
