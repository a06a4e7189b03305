import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.spi.ExecutionControl;

/** Runs code, one run at a time. */
final class Runner {
    private static final String[] IMPORTS = {
        "java.io", "java.math", "java.net", "java.nio.file", "java.util", "java.util.concurrent",
        "java.util.function", "java.util.prefs", "java.util.regex", "java.util.stream"
    };

    /** The same function as in the real server's kernel. Without types, the value is shown as text. */
    private static final String DISPLAY = "@SuppressWarnings(\"unchecked\") void display(Object value, String... mimeTypes) {"
        + " ((java.util.function.BiConsumer<Object, String[]>) System.getProperties().get(\"opensandbox.display\")).accept(value, mimeTypes); }";

    private final Channel channel;
    private final Engine engine = new Engine();
    private final JShell shell;
    private final Failures failures;
    private int count;

    Runner(Channel channel) {
        this.channel = channel;
        shell = JShell.builder()
            .in(System.in).out(System.out).err(System.err)
            .executionEngine(engine, Map.of())
            .build();
        failures = new Failures(shell, engine, channel);
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
            failures.report(error.getClass().getSimpleName(), String.valueOf(error.getMessage()), List.of(error.toString()));
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
                String reason = "the code ends too early";
                failures.report("IncompleteSourceException", reason + " (line " + line + ")", List.of(failures.place(line) + ": error: " + reason));
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
            if (event.causeSnippet() == null) failures.remember(event.snippet());
        }
        if (engine.isInterrupted()) {
            failures.interrupted();
            return false;
        }
        for (SnippetEvent event : events) {
            if (event.causeSnippet() != null) continue;
            if (event.status() == Snippet.Status.REJECTED) {
                failures.rejected(code, start + lead, event.snippet());
                return false;
            }
            if (event.exception() != null) {
                failures.threw(event.exception());
                return false;
            }
            if (isUnresolved(event.status())) pending.add(event);
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
            failures.report("UnsupportedMagic", message, List.of(failures.place(i + 1) + ": " + message));
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

    private boolean show() throws Exception {
        try {
            String text = engine.describe();
            if (engine.isInterrupted()) throw new ExecutionControl.StoppedException();
            if (text == null) return true;
            channel.send("{\"type\":\"result\",\"count\":" + count + ",\"data\":{\"text/plain\":" + Json.quote(text) + "}}");
            return true;
        } catch (InvocationTargetException error) {
            Throwable cause = error.getCause();
            failures.report(Failures.simpleName(cause.getClass().getName()), String.valueOf(cause.getMessage()), List.of(cause.toString()));
        } catch (ExecutionControl.StoppedException error) {
            failures.interrupted();
        }
        return false;
    }

    private static boolean isUnresolved(Snippet.Status status) {
        return status == Snippet.Status.RECOVERABLE_DEFINED || status == Snippet.Status.RECOVERABLE_NOT_DEFINED;
    }

    private void noteUnresolved(Snippet snippet) {
        if (!(snippet instanceof DeclarationSnippet)) return;
        if (!isUnresolved(shell.status(snippet))) return;
        DeclarationSnippet declaration = (DeclarationSnippet) snippet;
        List<String> missing = shell.unresolvedDependencies(declaration).collect(Collectors.toList());
        if (missing.isEmpty()) {
            System.err.println(declaration.name() + " cannot be used yet: "
                + shell.diagnostics(snippet).map(diag -> diag.getMessage(Locale.ENGLISH).replaceAll("\\s+", " ")).collect(Collectors.joining("; ")));
        } else {
            System.err.println(declaration.name() + " cannot be used until this is declared: " + String.join(", ", missing));
        }
    }
}
