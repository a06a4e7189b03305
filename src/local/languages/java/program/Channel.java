import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Sends messages on descriptor 3, each batch after a marker on 1 and 2. Only the kernel's own threads write: a user's
 * thread can be stopped anywhere, which would cut a message short.
 */
final class Channel {
    private static final int CHUNK = 32 * 1024;
    private static final String[] STREAMS = {"stdout", "stderr"};
    /** Messages in order with printed text. */
    static final int MESSAGE = 2;
    // How long printed text waits for more.
    private static final int BATCH_MILLIS = 10;

    private final OutputStream socket;
    private final OutputStream[] raw = {
        new FileOutputStream(FileDescriptor.out), new FileOutputStream(FileDescriptor.err)
    };
    private final CharsetDecoder[] decoders = {decoder(), decoder()};
    private final byte[][] cut = {new byte[0], new byte[0]};
    private final byte[] marker;
    private final Object printing = new Object();
    private final Object sending = new Object();
    private List<Piece> printed = new ArrayList<>();
    private int size;

    private static final class Piece extends ByteArrayOutputStream {
        final int stream;

        Piece(int stream) {
            this.stream = stream;
        }
    }

    Channel(OutputStream socket, byte[] marker) {
        this.socket = socket;
        this.marker = marker;
        Thread batches = new Thread(this::sendBatches, "output");
        batches.setDaemon(true);
        batches.start();
    }

    void put(int stream, byte[] bytes, int offset, int length) {
        boolean isInterrupted = false;
        synchronized (printing) {
            while (size >= CHUNK) {
                try {
                    printing.wait();
                } catch (InterruptedException error) {
                    isInterrupted = true;
                }
            }
            Piece last = printed.isEmpty() ? null : printed.get(printed.size() - 1);
            if (last == null || last.stream != stream || stream == MESSAGE) printed.add(last = new Piece(stream));
            last.write(bytes, offset, length);
            if (size == 0) printing.notifyAll();
            size += length;
        }
        if (isInterrupted) Thread.currentThread().interrupt();
    }

    /** Sends a message that has no place in the order of output. */
    void tell(String message) {
        synchronized (sending) {
            write(socket, (message + "\n").getBytes(StandardCharsets.UTF_8));
        }
    }

    /** Sends messages after everything that was printed before. */
    void send(String... messages) {
        synchronized (sending) {
            List<String> batch = takePrinted(messages.length > 0 && messages[messages.length - 1].equals(DONE));
            batch.addAll(Arrays.asList(messages));
            if (batch.isEmpty()) return;
            for (OutputStream stream : raw) write(stream, marker);
            tell("[" + String.join(",", batch) + "]");
        }
    }

    static final String DONE = "{\"type\":\"done\"}";

    private List<String> takePrinted(boolean isEnd) {
        List<Piece> pieces;
        synchronized (printing) {
            pieces = printed;
            printed = new ArrayList<>();
            size = 0;
            printing.notifyAll();
        }
        List<String> messages = new ArrayList<>();
        for (Piece piece : pieces) {
            if (piece.stream == MESSAGE) messages.add(new String(piece.toByteArray(), StandardCharsets.UTF_8));
            else addText(messages, piece.stream, piece.toByteArray(), false);
        }
        if (isEnd) {
            for (int stream = 0; stream < 2; stream++) addText(messages, stream, new byte[0], true);
        }
        return messages;
    }

    private void addText(List<String> messages, int stream, byte[] bytes, boolean isEnd) {
        ByteBuffer input = ByteBuffer.allocate(cut[stream].length + bytes.length);
        input.put(cut[stream]).put(bytes).flip();
        CharBuffer text = CharBuffer.allocate(input.remaining() + 1);
        decoders[stream].reset().decode(input, text, isEnd);
        // The start of a character whose rest has not been printed yet.
        cut[stream] = new byte[input.remaining()];
        input.get(cut[stream]);
        String decoded = text.flip().toString();
        for (int from = 0, to; from < decoded.length(); from = to) {
            to = Math.min(decoded.length(), from + CHUNK);
            if (to < decoded.length() && Character.isLowSurrogate(decoded.charAt(to))) to--;
            messages.add("{\"type\":\"" + STREAMS[stream] + "\",\"text\":" + Json.quote(decoded.substring(from, to)) + "}");
        }
    }

    private void sendBatches() {
        try {
            for (;;) {
                synchronized (printing) {
                    while (size == 0) printing.wait();
                    if (size < CHUNK) printing.wait(BATCH_MILLIS);
                }
                send();
            }
        } catch (InterruptedException error) {
            // Only user code that interrupts all threads gets here; its output then waits.
        }
    }

    private static void write(OutputStream stream, byte[] bytes) {
        try {
            stream.write(bytes);
        } catch (IOException error) {
            // Without the supervisor, no output can reach anyone.
            Runtime.getRuntime().halt(70);
        }
    }

    private static CharsetDecoder decoder() {
        return StandardCharsets.UTF_8.newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);
    }
}
