import java.util.HashMap;
import java.util.Map;
import jdk.jshell.execution.LoaderDelegate;
import jdk.jshell.spi.ExecutionControl;

/** Loads the classes of the snippets. */
final class Loader extends ClassLoader implements LoaderDelegate {
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
