import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jdk.jshell.JShell;
import jdk.jshell.SourceCodeAnalysis;

/** Finds the user's code in the classes that JShell wraps it in, for stack traces that code prints itself. */
final class Sources {
    private static final Pattern CLASS = Pattern.compile("^REPL\\.\\$JShell\\$(\\d+)");
    private static final Pattern FRAME = Pattern.compile(
        "^\tat REPL\\.\\$JShell\\$(\\d+)[A-Z]*(?:\\$(.+))?\\.([^.(]+)\\(\\$JShell\\$\\w+\\.java:(\\d+)\\)$");
    private static final Map<String, Origin> origins = new ConcurrentHashMap<>();
    private static final Map<Origin, SourceCodeAnalysis.SnippetWrapper> wrappers = new HashMap<>();
    static volatile SourceCodeAnalysis analysis;

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
