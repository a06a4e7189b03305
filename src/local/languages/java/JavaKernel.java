// The Java kernel: receives code as JSON lines on descriptor 3, responds there, and keeps its state. It is launched from
// this source, so that it works with any installed Java from 11 on. JShell executes code in this process, since with an
// execution engine in a process of its own each run takes ten times as long.

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.ByteArrayInputStream;
import java.io.DataOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.Diag;
import jdk.jshell.EvalException;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.UnresolvedReferenceException;
import jdk.jshell.execution.DirectExecutionControl;
import jdk.jshell.execution.LoaderDelegate;
import jdk.jshell.execution.LocalExecutionControl;
import jdk.jshell.spi.ExecutionControl;
import jdk.jshell.spi.ExecutionControlProvider;
import jdk.jshell.spi.ExecutionEnv;

public class JavaKernel {
    public static void main(String[] arguments) throws Exception {
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

    private static byte[] hex(String text) {
        byte[] bytes = new byte[text.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(text.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }

    /** Reads the supervisor's requests: lines of JSON, each a flat object. */
    private static final class Requests {
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

    private static final class Json {
        private final String text;
        private int at;

        private Json(String text) {
            this.text = text;
        }

        static Map<String, String> parse(String text) {
            Json json = new Json(text);
            Map<String, String> fields = new HashMap<>();
            while (json.text.charAt(json.at) != '}') {
                json.at++; // a brace or a comma
                String name = json.string();
                json.at++; // a colon
                fields.put(name, json.text.charAt(json.at) == '"' ? json.string() : json.word());
            }
            return fields;
        }

        private String word() {
            int from = at;
            while (",}".indexOf(text.charAt(at)) < 0) at++;
            return text.substring(from, at);
        }

        private String string() {
            StringBuilder result = new StringBuilder();
            for (at++; text.charAt(at) != '"'; at++) {
                char c = text.charAt(at);
                if (c != '\\') {
                    result.append(c);
                    continue;
                }
                c = text.charAt(++at);
                int simple = "bfnrt".indexOf(c);
                if (simple >= 0) {
                    result.append("\b\f\n\r\t".charAt(simple));
                } else if (c == 'u') {
                    result.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
                    at += 4;
                } else {
                    result.append(c);
                }
            }
            at++;
            return result.toString();
        }

        static String quote(String value) {
            StringBuilder result = new StringBuilder(value.length() + 2).append('"');
            for (int i = 0; i < value.length(); i++) {
                char c = value.charAt(i);
                // Escape lone surrogates, which UTF-8 cannot encode.
                boolean isLone = Character.isSurrogate(c);
                if (Character.isHighSurrogate(c) && i + 1 < value.length() && Character.isLowSurrogate(value.charAt(i + 1))) {
                    result.append(c).append(value.charAt(++i));
                } else if (c == '"' || c == '\\') {
                    result.append('\\').append(c);
                } else if (c < ' ' || isLone) {
                    result.append(String.format("\\u%04x", (int) c));
                } else {
                    result.append(c);
                }
            }
            return result.append('"').toString();
        }

        static String quoteAll(List<String> values) {
            return values.stream().map(Json::quote).collect(Collectors.joining(",", "[", "]"));
        }
    }

    /**
     * Sends messages on descriptor 3, each batch after a marker on 1 and 2. Only the kernel's own threads write: a user's
     * thread can be stopped anywhere, which would cut a message short.
     */
    private static final class Channel {
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

    /** System.out or System.err. */
    private static final class Printer extends PrintStream {
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

    private static final class NoInput extends InputStream {
        @Override
        public int read() {
            // Not an IOException, which a Scanner would hide.
            throw new UnsupportedOperationException("standard input is not available: nobody can answer here");
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

    /** Maps positions in a snippet to the code that the user sent. */
    private static final class Origin {
        final int run;
        final int line;
        final String text;

        Origin(int run, int line, String text) {
            this.run = run;
            this.line = line;
            this.text = text;
        }

        String place(int lineOfText) {
            return "<cell " + run + ">:" + (line + lineOfText - 1);
        }
    }

    /** Finds the user's code in the classes that JShell wraps it in, for stack traces that code prints itself. */
    private static final class Sources {
        private static final Pattern CLASS = Pattern.compile("^REPL\\.\\$JShell\\$(\\d+)");
        private static final Pattern FRAME = Pattern.compile(
            "^\tat REPL\\.\\$JShell\\$(\\d+)[A-Z]*(?:\\$(.+))?\\.([^.(]+)\\(\\$JShell\\$\\w+\\.java:(\\d+)\\)$");
        private static final Map<String, Origin> origins = new ConcurrentHashMap<>();
        private static final Map<Origin, SourceCodeAnalysis.SnippetWrapper> wrappers = new HashMap<>();
        private static volatile SourceCodeAnalysis analysis;

        /** Snippets that are recompiled because of another one have the same number with another letter. */
        static void add(String className, Origin origin) {
            Matcher matcher = CLASS.matcher(className);
            if (origin != null && matcher.find()) origins.putIfAbsent(matcher.group(1), origin);
        }

        /** Returns whether only the kernel's frames are below this one. */
        static boolean isEntry(String frame) {
            return frame.startsWith("\tat REPL.$JShell$") && frame.contains(".do_it$(");
        }

        static String withoutWrappers(String text) {
            return text.replaceAll("\\bREPL\\.\\$JShell\\$\\w+[.$]", "");
        }

        static String readFrame(String frame) {
            Matcher matcher = FRAME.matcher(frame);
            Origin origin = matcher.matches() ? origins.get(matcher.group(1)) : null;
            if (origin == null) return frame;
            String place = origin.place(lineOf(origin, Integer.parseInt(matcher.group(4))));
            String method = matcher.group(3);
            if (method.equals("do_it$")) return "\tat " + place;
            String type = matcher.group(2);
            return "\tat " + (type == null ? method : type + "." + method) + " (" + place + ")";
        }

        private static synchronized int lineOf(Origin origin, int wrappedLine) {
            try {
                SourceCodeAnalysis.SnippetWrapper wrapper =
                    wrappers.computeIfAbsent(origin, each -> analysis.wrappers(each.text).get(0));
                String[] lines = wrapper.wrapped().split("\n", -1);
                int position = 0;
                for (int i = 0; i < wrappedLine - 1; i++) position += lines[i].length() + 1;
                position += lines[wrappedLine - 1].length() - lines[wrappedLine - 1].stripLeading().length();
                return lineAt(origin.text, Math.max(0, wrapper.wrappedToSourcePosition(position)));
            } catch (RuntimeException error) {
                return 1; // Unknown: use the first line.
            }
        }

        static int lineAt(String code, int position) {
            return 1 + (int) code.substring(0, Math.min(position, code.length())).chars().filter(c -> c == '\n').count();
        }
    }

    /** The threads that a run starts. Output of an earlier run must not appear in a later one. */
    private static final class RunGroup extends ThreadGroup {
        final int run;

        RunGroup(int run) {
            super("snippet");
            this.run = run;
        }

        @Override
        public void uncaughtException(Thread thread, Throwable error) {
            if (error instanceof ThreadDeath) return;
            // JShell's own thread group would hide the exception.
            System.err.print("Exception in thread \"" + thread.getName() + "\" ");
            error.printStackTrace();
        }
    }

    /** Runs code, one run at a time. */
    private static final class Runner {
        private static final String[] IMPORTS = {
            "java.io", "java.math", "java.net", "java.nio.file", "java.util", "java.util.concurrent",
            "java.util.function", "java.util.prefs", "java.util.regex", "java.util.stream"
        };

        /** The same function as in the real server's kernel. Without types, the value is shown as text. */
        private static final String DISPLAY = "@SuppressWarnings(\"unchecked\") void display(Object value, String... mimeTypes) {"
            + " ((java.util.function.BiConsumer<Object, String[]>) System.getProperties().get(\"opensandbox.display\")).accept(value, mimeTypes); }";

        // An endless recursion has a thousand identical frames.
        private static final int LONGEST_TRACE = 40;

        private final Channel channel;
        private final Engine engine = new Engine();
        private final JShell shell;
        private final Map<String, Origin> origins = new HashMap<>();
        private int count;

        Runner(Channel channel) {
            this.channel = channel;
            shell = JShell.builder()
                .in(System.in).out(System.out).err(System.err)
                .executionEngine(engine, Map.of())
                .build();
            // The default imports of the jshell tool.
            for (String name : IMPORTS) shell.eval("import " + name + ".*;");
            // Snippets cannot be compiled against this class, so they get an object through a standard type.
            BiConsumer<Object, String[]> display = this::display;
            System.getProperties().put("opensandbox.display", display);
            shell.eval(DISPLAY);
            Sources.analysis = shell.sourceCodeAnalysis();
            // The first evaluation is the slowest; do it before the first run.
            shell.sourceCodeAnalysis().analyzeCompletion("1");
            shell.eval("1 + 1").forEach(event -> shell.drop(event.snippet()));
        }

        void interrupt() {
            engine.interrupt(shell);
        }

        void run(String code) {
            count++;
            engine.begin(count);
            channel.tell("{\"type\":\"started\"}");
            try {
                execute(code);
            } catch (Throwable error) {
                report(error.getClass().getSimpleName(), String.valueOf(error.getMessage()), List.of(error.toString()));
            }
            // Send the text that a print left in the buffer if it was stopped half-way.
            System.out.print("");
            System.err.print("");
            engine.end();
            channel.send(Channel.DONE);
        }

        private void execute(String code) throws Exception {
            if (refuseMagic(code)) return;
            SourceCodeAnalysis analysis = shell.sourceCodeAnalysis();
            List<SnippetEvent> pending = new ArrayList<>();
            for (String rest = code; !rest.isBlank();) {
                int start = code.length() - rest.length();
                SourceCodeAnalysis.CompletionInfo info = analysis.analyzeCompletion(rest);
                if (info.completeness() == SourceCodeAnalysis.Completeness.DEFINITELY_INCOMPLETE) {
                    if (isComment(rest)) break;
                    int line = Sources.lineAt(code, code.stripTrailing().length());
                    String place = "<cell " + count + ">:" + line;
                    report("IncompleteSourceException", "the code ends too early (line " + line + ")", List.of(place + ": error: the code ends too early"));
                    return;
                }
                boolean isWhole = info.completeness().isComplete() && info.source() != null && !info.source().isBlank();
                String source = isWhole ? info.source() : rest;
                rest = isWhole ? info.remaining() : "";
                boolean isLast = rest.isBlank() || isComment(rest);
                if (!evaluate(code, start, source, isLast, pending)) return;
                if (isLast) break;
            }
            for (SnippetEvent event : pending) noteUnresolved(event.snippet());
        }

        /** Returns whether only comments are left, which JShell does not accept as a snippet. */
        private static boolean isComment(String rest) {
            return rest.replaceAll("(?s)/\\*.*?\\*/|//[^\n]*", "").isBlank();
        }

        private boolean evaluate(String code, int start, String source, boolean isLast, List<SnippetEvent> pending) throws Exception {
            int lead = source.length() - source.stripLeading().length();
            String text = source.strip();
            engine.expect(new Origin(count, Sources.lineAt(code, start + lead), text));
            List<SnippetEvent> events = shell.eval(text);
            for (SnippetEvent event : events) {
                Snippet snippet = event.snippet();
                if (event.causeSnippet() == null) origins.put(snippet.id(), engine.origin);
            }
            if (engine.isInterrupted()) {
                reportInterrupt();
                return false;
            }
            for (SnippetEvent event : events) {
                if (event.causeSnippet() != null) continue;
                if (event.status() == Snippet.Status.REJECTED) {
                    rejected(code, start + lead, event.snippet());
                    return false;
                }
                if (event.exception() != null) {
                    failed(event.exception());
                    return false;
                }
                boolean isUnresolved = event.status() == Snippet.Status.RECOVERABLE_DEFINED
                    || event.status() == Snippet.Status.RECOVERABLE_NOT_DEFINED;
                if (isUnresolved) pending.add(event);
                else if (isLast && hasValue(event.snippet())) return show();
            }
            return true;
        }

        /** Displays a value. Called in a thread of the user's code, which must not send messages itself. */
        private void display(Object value, String[] mimeTypes) {
            if (!Engine.isHeard()) return;
            String text = value instanceof byte[] ? Base64.getEncoder().encodeToString((byte[]) value) : String.valueOf(value);
            String plain = mimeTypes.length == 0 || !(value instanceof CharSequence || value instanceof byte[]) ? String.valueOf(value) : null;
            Map<String, String> data = new LinkedHashMap<>();
            if (plain != null) data.put("text/plain", plain);
            for (String type : mimeTypes) data.put(type, text);
            String fields = data.entrySet().stream()
                .map(entry -> Json.quote(entry.getKey()) + ":" + Json.quote(entry.getValue()))
                .collect(Collectors.joining(","));
            byte[] message = ("{\"type\":\"result\",\"count\":null,\"data\":{" + fields + "}}").getBytes(StandardCharsets.UTF_8);
            channel.put(Channel.MESSAGE, message, 0, message.length);
        }

        /** Refuses lines in notebook syntax. In the real server's kernel some of them download jars. */
        private boolean refuseMagic(String code) {
            String[] lines = code.split("\n", -1);
            for (int i = 0; i < lines.length; i++) {
                if (!lines[i].matches("%%?(jars|classpath|maven\\w*|addMaven\\w*|load|loadFromPOM)\\b.*")) continue;
                String name = lines[i].split("\\s", 2)[0];
                String message = name + " is not supported (line " + (i + 1) + "); put the jar files into the sandbox and"
                    + " name them in the variable CLASSPATH of the sandbox's env";
                report("UnsupportedMagic", message, List.of("<cell " + count + ">:" + (i + 1) + ": " + message));
                return true;
            }
            return false;
        }

        private static boolean hasValue(Snippet snippet) {
            switch (snippet.subKind()) {
                case VAR_VALUE_SUBKIND:
                case OTHER_EXPRESSION_SUBKIND:
                case TEMP_VAR_EXPRESSION_SUBKIND:
                    return true;
                default:
                    return false;
            }
        }

        private void reportInterrupt() {
            String name = "EvaluationInterruptedException";
            report(name, "the run was interrupted", List.of(name + ": the run was interrupted"));
        }

        private boolean show() throws Exception {
            try {
                String text = engine.describe();
                if (engine.isInterrupted()) throw new ExecutionControl.StoppedException();
                if (text == null) return true;
                channel.send("{\"type\":\"result\",\"count\":" + count + ",\"data\":{\"text/plain\":" + Json.quote(text) + "}}");
                return true;
            } catch (InvocationTargetException error) {
                Throwable cause = error.getCause();
                report(simpleName(cause.getClass().getName()), String.valueOf(cause.getMessage()), List.of(cause.toString()));
            } catch (ExecutionControl.StoppedException error) {
                reportInterrupt();
            }
            return false;
        }

        private void rejected(String code, int start, Snippet snippet) {
            List<String> lines = new ArrayList<>();
            String first = null;
            for (Diag diag : shell.diagnostics(snippet).collect(Collectors.toList())) {
                if (!diag.isError()) continue;
                int position = Math.min(code.length(), start + (int) Math.max(0, diag.getPosition()));
                int line = Sources.lineAt(code, position);
                List<String> message = diag.getMessage(Locale.ENGLISH).lines()
                    .filter(text -> !text.isBlank() && !text.matches("\\s*location:\\s+class\\s*"))
                    .map(text -> text.replaceAll("\\bREPL\\.\\$JShell\\$\\w+\\.?", ""))
                    .collect(Collectors.toList());
                if (first == null) {
                    first = message.stream().map(text -> text.strip().replaceAll("\\s+", " ")).collect(Collectors.joining("; "))
                        + " (line " + line + ")";
                }
                lines.add("<cell " + count + ">:" + line + ": error: " + message.get(0));
                lines.addAll(message.subList(1, message.size()));
                int from = code.lastIndexOf('\n', position - 1) + 1;
                int to = code.indexOf('\n', position);
                lines.add(code.substring(from, to < 0 ? code.length() : to));
                lines.add(code.substring(from, position).replaceAll("[^\t]", " ") + "^");
            }
            report("CompilationException", first == null ? "the code cannot be compiled" : first, lines);
        }

        private void failed(JShellException error) {
            if (error instanceof UnresolvedReferenceException) {
                Snippet snippet = ((UnresolvedReferenceException) error).getSnippet();
                String missing = shell.unresolvedDependencies((DeclarationSnippet) snippet).collect(Collectors.joining(", "));
                report("UnresolvedReferenceException", "not yet declared: " + missing, trace(error, "UnresolvedReferenceException: not yet declared: " + missing));
                return;
            }
            String name = nameOf(error);
            boolean isExit = name.equals(SystemExit.class.getName());
            String message = messageOf(error);
            if (isExit) report("SystemExit", message, List.of("SystemExit: " + message));
            else report(simpleName(name), message, trace(error, headline(name, message)));
        }

        private static String headline(String name, String message) {
            return name + (message.isEmpty() ? "" : ": " + message);
        }

        /** Returns a class's name without JShell's wrapper classes. */
        private static String nameOf(JShellException error) {
            return error instanceof EvalException
                ? ((EvalException) error).getExceptionClassName().replaceFirst("^REPL\\.\\$JShell\\$\\w+\\$", "")
                : "UnresolvedReferenceException";
        }

        private static String messageOf(Throwable error) {
            return error.getMessage() == null ? "" : Sources.withoutWrappers(error.getMessage());
        }

        private static String simpleName(String name) {
            return name.substring(Math.max(name.lastIndexOf('.'), name.lastIndexOf('$')) + 1);
        }

        private List<String> trace(Throwable error, String headline) {
            List<String> lines = new ArrayList<>(headline.lines().collect(Collectors.toList()));
            StackTraceElement[] frames = error.getStackTrace();
            for (int i = 0; i < frames.length; i++) {
                if (i == LONGEST_TRACE && frames.length > LONGEST_TRACE + 10) {
                    lines.add("\t... " + (frames.length - LONGEST_TRACE - 10) + " more");
                    i = frames.length - 10;
                }
                StackTraceElement frame = frames[i];
                if (frame.getClassName().startsWith("JavaKernel")) continue;
                String file = frame.getFileName();
                Origin origin = file == null || !file.startsWith("#") ? null : originOf(file.substring(1));
                if (origin == null) {
                    lines.add("\tat " + frame);
                    continue;
                }
                String place = origin.place(frame.getLineNumber());
                String type = frame.getClassName();
                String method = frame.getMethodName();
                String called = type == null || type.isEmpty() ? method : type + "." + method;
                lines.add("\tat " + (method.isEmpty() ? place : called + " (" + place + ")"));
            }
            Throwable cause = error.getCause();
            if (cause instanceof JShellException && cause != error) {
                JShellException inner = (JShellException) cause;
                lines.addAll(trace(inner, "Caused by: " + headline(nameOf(inner), messageOf(inner))));
            }
            return lines;
        }

        private Origin originOf(String id) {
            Origin known = origins.get(id);
            // A failing snippet has no earlier event than its exception.
            return known == null ? engine.origin : known;
        }

        private void noteUnresolved(Snippet snippet) {
            if (!(snippet instanceof DeclarationSnippet)) return;
            Snippet.Status status = shell.status(snippet);
            boolean isUnresolved = status == Snippet.Status.RECOVERABLE_DEFINED || status == Snippet.Status.RECOVERABLE_NOT_DEFINED;
            if (!isUnresolved) return;
            DeclarationSnippet declaration = (DeclarationSnippet) snippet;
            List<String> missing = shell.unresolvedDependencies(declaration).collect(Collectors.toList());
            if (missing.isEmpty()) {
                System.err.println(declaration.name() + " cannot be used yet: "
                    + shell.diagnostics(snippet).map(diag -> diag.getMessage(Locale.ENGLISH).replaceAll("\\s+", " ")).collect(Collectors.joining("; ")));
            } else {
                System.err.println(declaration.name() + " cannot be used until this is declared: " + String.join(", ", missing));
            }
        }

        private void report(String name, String value, List<String> lines) {
            channel.send("{\"type\":\"error\",\"ename\":" + Json.quote(name) + ",\"evalue\":" + Json.quote(value)
                + ",\"traceback\":" + Json.quoteAll(lines) + "}");
        }
    }

    /** Runs compiled snippets in this process, each in a thread that can be stopped. */
    private static final class Engine implements ExecutionControlProvider {
        private static final Method ENTER = method("enter");
        private static final Method DESCRIBE = method("describeValue");
        // Loaded now: a handler that loads the class while its thread is being stopped does not catch it.
        @SuppressWarnings("removal")
        private static final Class<?> STOPPING = ThreadDeath.class;
        // How long interrupted code has to stop before the run ends without it.
        private static final int PATIENCE_MILLIS = 2000;

        private final Control control = new Control();
        private volatile int run;
        private volatile boolean isRunning;
        private volatile boolean isInterrupted;
        private volatile boolean isAbandoned;
        private volatile Object value;
        private volatile Method next;
        private volatile Throwable failure;
        Origin origin;

        private static Method method(String name) {
            try {
                Method found = Engine.class.getDeclaredMethod(name);
                found.setAccessible(true);
                return found;
            } catch (NoSuchMethodException error) {
                throw new AssertionError(error);
            }
        }

        @Override
        public String name() {
            return "kernel";
        }

        @Override
        public ExecutionControl generate(ExecutionEnv environment, Map<String, String> parameters) {
            return control;
        }

        void expect(Origin origin) {
            this.origin = origin;
            value = null;
        }

        void begin(int number) {
            run = number;
            isInterrupted = false;
            isAbandoned = false;
            isRunning = true;
        }

        void end() {
            isRunning = false;
        }

        boolean isInterrupted() {
            return isInterrupted;
        }

        /** Returns whether the output of this thread may belong to the current run. */
        static boolean isHeard() {
            for (ThreadGroup group = Thread.currentThread().getThreadGroup(); group != null; group = group.getParent()) {
                if (!(group instanceof RunGroup)) continue;
                return current.isRunning && (((RunGroup) group).run == current.run || isOfPool());
            }
            return true;
        }

        /** Returns whether this thread may be older than the work it has been given. */
        private static boolean isOfPool() {
            return StackWalker.getInstance().walk(frames -> frames
                .map(StackWalker.StackFrame::getClassName)
                .anyMatch(name -> name.startsWith("java.util.concurrent.") || name.startsWith("java.util.Timer")));
        }

        void interrupt(JShell shell) {
            if (!isRunning) return;
            isInterrupted = true;
            shell.stop();
        }

        /** Returns the last value as text, which calls the user's toString(). */
        String describe() throws Exception {
            return control.call(DESCRIBE);
        }

        private static Engine current;

        {
            current = this;
        }

        public static Object describeValue() {
            Object shown = current.value;
            if (shown instanceof String || shown instanceof Character) return shown.toString();
            return Control.describe(shown);
        }

        /** Called by LocalExecutionControl in a thread that it can stop. The code runs in a thread of its own below it. */
        @SuppressWarnings("removal")
        public static Object enter() throws Throwable {
            Engine engine = current;
            if (engine.isInterrupted) throw new ThreadDeath();
            Method method = engine.next;
            Throwable[] thrown = new Throwable[1];
            Thread code = new Thread(new RunGroup(engine.run), () -> {
                try {
                    engine.value = method.invoke(null);
                } catch (InvocationTargetException error) {
                    thrown[0] = error.getCause();
                } catch (Throwable error) {
                    thrown[0] = error;
                }
            }, "main");
            code.start();
            while (code.isAlive()) {
                try {
                    code.join(engine.isInterrupted ? PATIENCE_MILLIS : 0);
                } catch (InterruptedException | ThreadDeath error) {
                    continue; // This is the interrupt, which the code has received, too.
                }
                if (code.isAlive() && engine.isInterrupted) {
                    System.err.println("The interrupted code does not stop; it continues in the background.");
                    throw new ThreadDeath();
                }
            }
            if (thrown[0] != null) throw thrown[0];
            return null;
        }

        private final class Control extends LocalExecutionControl {
            Control() {
                super((LoaderDelegate) new Loader());
            }

            @Override
            public void load(ClassBytecodes[] classes) throws ClassInstallException, NotImplementedException, EngineTerminationException {
                ClassBytecodes[] changed = new ClassBytecodes[classes.length];
                for (int i = 0; i < classes.length; i++) {
                    Sources.add(classes[i].name(), origin);
                    changed[i] = new ClassBytecodes(classes[i].name(), ExitRewriting.rewrite(classes[i].bytecodes()));
                }
                super.load(changed);
            }

            @Override
            protected String invoke(Method method) throws Exception {
                next = method;
                super.invoke(ENTER);
                return "";
            }

            String call(Method method) throws Exception {
                clientCodeEnter();
                try {
                    invoke(method);
                    return (String) value;
                } finally {
                    clientCodeLeave();
                }
            }

            static String describe(Object value) {
                return valueString(value);
            }
        }
    }

    /** Loads the classes of the snippets. */
    private static final class Loader extends ClassLoader implements LoaderDelegate {
        private final Map<String, byte[]> classes = new HashMap<>();

        Loader() {
            super(JavaKernel.class.getClassLoader());
        }

        @Override
        public void load(ExecutionControl.ClassBytecodes[] added) throws ExecutionControl.ClassInstallException {
            for (ExecutionControl.ClassBytecodes each : added) classes.put(each.name(), each.bytecodes());
            boolean[] loaded = new boolean[added.length];
            for (int i = 0; i < added.length; i++) {
                try {
                    loadClass(added[i].name());
                    loaded[i] = true;
                } catch (ClassNotFoundException | LinkageError error) {
                    throw new ExecutionControl.ClassInstallException(String.valueOf(error.getMessage()), loaded);
                }
            }
        }

        @Override
        public Class<?> findClass(String name) throws ClassNotFoundException {
            Class<?> loaded = findLoadedClass(name);
            if (loaded != null) return loaded;
            byte[] bytes = classes.get(name);
            if (bytes == null) throw new ClassNotFoundException(name);
            return defineClass(name, bytes, 0, bytes.length);
        }

        @Override
        public void classesRedefined(ExecutionControl.ClassBytecodes[] changed) {}

        @Override
        public void addToClasspath(String path) {}
    }

    /**
     * Redirects calls of System.exit in compiled code to {@link SystemExit#exit}, by replacing the class of that method in
     * the constant pool.
     */
    private static final class ExitRewriting {
        static byte[] rewrite(byte[] original) {
            try {
                return rewriteOrThrow(original);
            } catch (IOException | RuntimeException error) {
                return original; // A newer class file format: System.exit then ends the context.
            }
        }

        private static byte[] rewriteOrThrow(byte[] original) throws IOException {
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(original));
            in.skipBytes(8);
            int size = in.readUnsignedShort();
            int[] at = new int[size];
            Map<Integer, String> texts = new HashMap<>();
            for (int i = 1; i < size; i++) {
                at[i] = original.length - in.available();
                int tag = in.readUnsignedByte();
                if (tag == 1) texts.put(i, in.readUTF());
                else in.skipBytes(lengthOf(tag));
                if (tag == 5 || tag == 6) i++; // Long and Double take two entries.
            }
            int end = original.length - in.available();
            byte[] result = original.clone();
            ByteBuffer bytes = ByteBuffer.wrap(result);
            boolean isChanged = false;
            for (int i = 1; i < size; i++) {
                if (at[i] == 0 || bytes.get(at[i]) != 10) continue;
                int owner = bytes.getShort(at[i] + 1) & 0xffff;
                int nameAndType = bytes.getShort(at[i] + 3) & 0xffff;
                int name = bytes.getShort(at[nameAndType] + 1) & 0xffff;
                int type = bytes.getShort(at[nameAndType] + 3) & 0xffff;
                int ownerName = bytes.getShort(at[owner] + 1) & 0xffff;
                boolean isExit = "java/lang/System".equals(texts.get(ownerName)) && "exit".equals(texts.get(name)) && "(I)V".equals(texts.get(type));
                if (!isExit) continue;
                bytes.putShort(at[i] + 1, (short) (size + 1));
                isChanged = true;
            }
            if (!isChanged) return original;
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            DataOutputStream data = new DataOutputStream(out);
            bytes.putShort(8, (short) (size + 2));
            data.write(result, 0, end);
            data.writeByte(1);
            data.writeUTF(SystemExit.class.getName().replace('.', '/'));
            data.writeByte(7);
            data.writeShort(size);
            data.write(result, end, result.length - end);
            return out.toByteArray();
        }

        private static int lengthOf(int tag) throws IOException {
            switch (tag) {
                case 7: case 8: case 16: case 19: case 20: return 2;
                case 15: return 3;
                case 3: case 4: case 9: case 10: case 11: case 12: case 17: case 18: return 4;
                case 5: case 6: return 8;
                default: throw new IOException("unknown constant " + tag);
            }
        }
    }
}
