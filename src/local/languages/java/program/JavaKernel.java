// The Java kernel: receives code as JSON lines on descriptor 3, responds there, and keeps its state. The build joins the
// sources of this folder to one file, since that is what any Java from 11 on can launch. JShell executes code in this
// process, since with an execution engine in a process of its own each run takes ten times as long.

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.lang.reflect.Constructor;

public class JavaKernel {
    public static void main(String[] arguments) throws Exception {
        hideClassPath();
        Constructor<FileDescriptor> open = FileDescriptor.class.getDeclaredConstructor(int.class);
        open.setAccessible(true);
        FileDescriptor socket = open.newInstance(3);
        // An empty handler, since child processes would inherit an ignored signal.
        sun.misc.Signal.handle(new sun.misc.Signal("INT"), signal -> {});

        Requests requests = new Requests(new FileInputStream(socket));
        Channel channel = new Channel(new FileOutputStream(socket), hex(requests.next("marker")));
        System.setOut(new Printer(channel, 0));
        System.setErr(new Printer(channel, 1));
        System.setIn(new NoInput());
        Runner runner = new Runner(channel);
        channel.tell("{\"type\":\"ready\"}");
        requests.listen(runner);
        for (;;) runner.run(requests.next("code"));
    }

    /** Makes the class path the user's alone: a compiled kernel stands in front of it. */
    private static void hideClassPath() {
        String own = System.clearProperty("kernel.classes");
        if (own == null) return;
        System.setProperty("java.class.path", System.getProperty("java.class.path").substring(own.length() + 1));
    }

    private static byte[] hex(String text) {
        byte[] bytes = new byte[text.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(text.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }

    private static final class NoInput extends InputStream {
        @Override
        public int read() {
            // Not an IOException, which a Scanner would hide.
            throw new UnsupportedOperationException("Standard input is not available in this run.");
        }

        @Override
        public int read(byte[] bytes, int offset, int length) {
            return length == 0 ? 0 : read();
        }
    }

    /** Replaces System.exit: it ends the run, not the context. */
    public static final class SystemExit extends Error {
        SystemExit(int status) {
            super(String.valueOf(status));
        }

        public static void exit(int status) {
            throw new SystemExit(status);
        }
    }
}
