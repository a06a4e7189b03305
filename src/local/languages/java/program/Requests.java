import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;

/** Reads the supervisor's requests: lines of JSON, each a flat object. */
final class Requests {
    private final InputStream input;
    private final LinkedBlockingQueue<Map<String, String>> codes = new LinkedBlockingQueue<>();
    private boolean isListened;

    Requests(InputStream input) {
        this.input = input;
    }

    String next(String name) throws Exception {
        return (isListened ? codes.take() : read()).get(name);
    }

    /** From now on, an interrupt overtakes the code before it. */
    void listen(Runner runner) {
        isListened = true;
        Thread reader = new Thread(() -> {
            try {
                for (;;) {
                    Map<String, String> request = read();
                    if (request.containsKey("interrupt")) runner.interrupt();
                    else codes.add(request);
                }
            } catch (Throwable error) {
                Runtime.getRuntime().halt(0); // The supervisor has ended.
            }
        }, "requests");
        reader.setDaemon(true);
        reader.start();
    }

    private byte[] buffer = new byte[1 << 16];
    private int start;
    private int end;

    private Map<String, String> read() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (;;) {
            for (int i = start; i < end; i++) {
                if (buffer[i] != '\n') continue;
                line.write(buffer, start, i - start);
                start = i + 1;
                return Json.parse(new String(line.toByteArray(), StandardCharsets.UTF_8));
            }
            line.write(buffer, start, end - start);
            start = 0;
            end = Math.max(0, input.read(buffer));
            if (end == 0) throw new IOException("closed");
        }
    }
}
