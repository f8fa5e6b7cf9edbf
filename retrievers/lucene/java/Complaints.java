package intrex.lucene;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Keeps what Java's libraries write to stderr, until it is closed: Anserini prints errors there and goes on. */
public final class Complaints implements Closeable {
  private static final int KEPT = 1 << 16;

  private final PrintStream before = System.err;
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();

  /** Begins to listen. */
  public Complaints() {
    OutputStream first =
        new OutputStream() {
          @Override
          public synchronized void write(int b) {
            if (said.size() < KEPT) {
              said.write(b);
            }
          }
        };
    System.setErr(new PrintStream(first, true, StandardCharsets.UTF_8));
  }

  /** What was written, the first 64 kB of it. */
  public String text() {
    return said.toString(StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    System.setErr(before);
  }
}
