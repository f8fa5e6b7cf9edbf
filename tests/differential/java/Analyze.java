import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.StringReader;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.standard.StandardTokenizer;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.analysis.tokenattributes.TypeAttribute;

/**
 * Answers each text on stdin with its terms on stdout, as Anserini's analyzer of a language makes them. Both are
 * numbers of 32 bits and UTF-16 units, high byte first: a text is how many units and they; an answer is how many
 * terms, and each as a text is. The languages "tokenizer" (Lucene's StandardTokenizer alone), "typed" (the same with
 * each token's type as one more term before it), "lower" (Character.toLowerCase of the text).
 */
public class Analyze {
  public static void main(String[] args) throws Exception {
    DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 20));
    DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 20));
    boolean typed = args[0].equals("typed");
    Analyzer analyzer = analyzer(args[0]);
    StringBuilder text = new StringBuilder();
    while (true) {
      int units;
      try {
        units = in.readInt();
      } catch (EOFException end) {
        break;
      }
      text.setLength(0);
      for (int i = 0; i < units; i++) text.append(in.readChar());
      java.util.ArrayList<String> terms = new java.util.ArrayList<>();
      if (args[0].equals("lower")) {
        StringBuilder lower = new StringBuilder();
        text.codePoints().forEach(c -> lower.appendCodePoint(Character.toLowerCase(c)));
        terms.add(lower.toString());
      } else {
        try (TokenStream stream = analyzer.tokenStream("", new StringReader(text.toString()))) {
          CharTermAttribute term = stream.addAttribute(CharTermAttribute.class);
          TypeAttribute type = stream.addAttribute(TypeAttribute.class);
          stream.reset();
          while (stream.incrementToken()) {
            if (typed) terms.add(type.type());
            terms.add(term.toString());
          }
          stream.end();
        }
      }
      out.writeInt(terms.size());
      for (String term : terms) {
        out.writeInt(term.length());
        out.writeChars(term);
      }
    }
    out.flush();
  }

  private static Analyzer analyzer(String language) throws Exception {
    if (language.equals("lower")) return null;
    if (language.equals("tokenizer") || language.equals("typed")) {
      return new Analyzer() {
        @Override
        protected TokenStreamComponents createComponents(String field) {
          return new TokenStreamComponents(new StandardTokenizer());
        }
      };
    }
    // By name: the compiler of an older JDK does not read Anserini's classes.
    String home = "io.anserini.analysis.";
    if (language.equals("en")) {
      return (Analyzer) Class.forName(home + "DefaultEnglishAnalyzer").getMethod("newDefaultInstance").invoke(null);
    }
    Class<?> map = Class.forName(home + "AnalyzerMap");
    return (Analyzer) map.getMethod("getLanguageSpecificAnalyzer", String.class).invoke(null, language);
  }
}
