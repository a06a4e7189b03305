import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

final class Json {
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
