/** Maps positions in a snippet to the code that the user sent. */
final class Origin {
    final int run;
    final int line;
    final String text;

    Origin(int run, int line, String text) {
        this.run = run;
        this.line = line;
        this.text = text;
    }

    String place(int lineOfText) {
        return place(run, line + lineOfText - 1);
    }

    static String place(int run, int line) {
        return "<cell " + run + ">:" + line;
    }
}
