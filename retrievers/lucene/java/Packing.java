package intrex.lucene;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** How texts come in and hits go out: in one array of bytes, numbers in little endian. */
final class Packing {
  private Packing() {}

  /** Texts of which each is preceded by its length in bytes (int32). */
  static List<String> texts(byte[] packed) {
    ByteBuffer in = ByteBuffer.wrap(packed).order(ByteOrder.LITTLE_ENDIAN);
    List<String> texts = new ArrayList<>();
    while (in.hasRemaining()) {
      int length = in.getInt();
      texts.add(new String(packed, in.position(), length, StandardCharsets.UTF_8));
      in.position(in.position() + length);
    }
    return texts;
  }

  /** The number of hits of each query (int32), the document numbers of all hits (int32), their scores (float32). */
  static byte[] hits(TopHits[] found) {
    int total = 0;
    for (TopHits hits : found) {
      total = Math.addExact(total, hits.size());
    }
    ByteBuffer out = little(Math.addExact(Math.multiplyExact(8, total), 4 * found.length));
    for (TopHits hits : found) {
      out.putInt(hits.size());
    }
    for (TopHits hits : found) {
      out.asIntBuffer().put(hits.docs(), 0, hits.size());
      out.position(out.position() + 4 * hits.size());
    }
    for (TopHits hits : found) {
      out.asFloatBuffer().put(hits.scores(), 0, hits.size());
      out.position(out.position() + 4 * hits.size());
    }
    return out.array();
  }

  static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
