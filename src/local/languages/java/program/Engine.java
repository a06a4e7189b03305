import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Map;
import jdk.jshell.JShell;
import jdk.jshell.execution.LoaderDelegate;
import jdk.jshell.execution.LocalExecutionControl;
import jdk.jshell.spi.ExecutionControl;
import jdk.jshell.spi.ExecutionControlProvider;
import jdk.jshell.spi.ExecutionEnv;

/** Runs compiled snippets in this process, each in a thread that can be stopped. */
final class Engine implements ExecutionControlProvider {
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

    /** Returns the number of the current run. */
    int run() {
        return run;
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

/** The threads that a run starts. Output of an earlier run must not appear in a later one. */
final class RunGroup extends ThreadGroup {
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
