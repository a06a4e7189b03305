import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.Diag;
import jdk.jshell.EvalException;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.Snippet;
import jdk.jshell.UnresolvedReferenceException;

/** Reports to the user why code did not run to its end, in terms of the code that the user sent. */
final class Failures {
    // An endless recursion has a thousand identical frames.
    private static final int LONGEST_TRACE = 40;
    // All of the kernel is compiled as one file.
    private static final String KERNEL = "JavaKernel.java";

    private final JShell shell;
    private final Engine engine;
    private final Channel channel;
    private final Map<String, Origin> origins = new HashMap<>();

    Failures(JShell shell, Engine engine, Channel channel) {
        this.shell = shell;
        this.engine = engine;
        this.channel = channel;
    }

    /** Remembers which code a snippet came from. */
    void remember(Snippet snippet) {
        origins.put(snippet.id(), engine.origin);
    }

    void interrupted() {
        String name = "EvaluationInterruptedException";
        report(name, "the run was interrupted", List.of(name + ": the run was interrupted"));
    }

    /** Reports why a snippet cannot be compiled. @param start the position of the snippet in the code */
    void rejected(String code, int start, Snippet snippet) {
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
            lines.add(place(line) + ": error: " + message.get(0));
            lines.addAll(message.subList(1, message.size()));
            int from = code.lastIndexOf('\n', position - 1) + 1;
            int to = code.indexOf('\n', position);
            lines.add(code.substring(from, to < 0 ? code.length() : to));
            lines.add(code.substring(from, position).replaceAll("[^\t]", " ") + "^");
        }
        report("CompilationException", first == null ? "the code cannot be compiled" : first, lines);
    }

    /** Reports an exception of the code. */
    void threw(JShellException error) {
        if (error instanceof UnresolvedReferenceException) {
            Snippet snippet = ((UnresolvedReferenceException) error).getSnippet();
            String missing = shell.unresolvedDependencies((DeclarationSnippet) snippet).collect(Collectors.joining(", "));
            report("UnresolvedReferenceException", "not yet declared: " + missing, trace(error, "UnresolvedReferenceException: not yet declared: " + missing));
            return;
        }
        String name = nameOf(error);
        boolean isExit = name.equals(JavaKernel.SystemExit.class.getName());
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

    static String simpleName(String name) {
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
            String file = frame.getFileName();
            if (KERNEL.equals(file)) continue;
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

    /** Returns how messages name a line of the current code. */
    String place(int line) {
        return Origin.place(engine.run(), line);
    }

    private Origin originOf(String id) {
        Origin known = origins.get(id);
        // A failing snippet has no earlier event than its exception.
        return known == null ? engine.origin : known;
    }

    void report(String name, String value, List<String> lines) {
        channel.send("{\"type\":\"error\",\"ename\":" + Json.quote(name) + ",\"evalue\":" + Json.quote(value)
            + ",\"traceback\":" + Json.quoteAll(lines) + "}");
    }
}
