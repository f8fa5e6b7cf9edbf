package intrex.lucene;

import java.io.IOException;
import java.util.Arrays;
import java.util.BitSet;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.search.Collector;
import org.apache.lucene.search.LeafCollector;
import org.apache.lucene.search.Scorable;
import org.apache.lucene.search.ScoreMode;

/**
 * Collects the k best documents by score, then by id, also at the cut.
 *
 * <p>Hits are gathered in a buffer as score (upper half) and document (lower half). When it is full, those that are
 * worse than the k-th are dropped and those of the same score kept: ids are compared once, at the end, and only there.
 */
final class TopHits implements Collector {
  /** Lucene may skip documents that cannot be among the best; that pays where they are one in this many or fewer. */
  private static final int SKIPPING = 50;

  private final int k;
  private final Ids ids;
  private final boolean ascending;
  private final boolean skip;
  private final BitSet within;
  private long[] keys;
  private int size;
  private float floor;
  private int[] docs;
  private float[] scores;

  /** Collects the k best of the documents within a set, or of all if that is null. */
  TopHits(int k, int documents, Ids ids, boolean ascending, BitSet within) {
    this.within = within;
    this.k = Math.min(k, documents);
    this.ids = ids;
    this.ascending = ascending;
    this.skip = (long) k * SKIPPING < documents;
    this.keys = new long[(int) Math.min(documents, Math.max(1024, 4L * k))];
  }

  /** Hits that another searcher found and ordered. */
  TopHits(int[] docs, float[] scores) {
    this(0, 0, null, true, null);
    this.docs = docs;
    this.scores = scores;
  }

  int size() {
    return docs.length;
  }

  int[] docs() {
    return docs;
  }

  float[] scores() {
    return scores;
  }

  @Override
  public ScoreMode scoreMode() {
    return skip ? ScoreMode.TOP_SCORES : ScoreMode.COMPLETE;
  }

  @Override
  public LeafCollector getLeafCollector(LeafReaderContext leaf) {
    final int base = leaf.docBase;
    return new LeafCollector() {
      private Scorable scorer;

      @Override
      public void setScorer(Scorable scorer) throws IOException {
        this.scorer = scorer;
        tell();
      }

      @Override
      public void collect(int doc) throws IOException {
        if (within != null && !within.get(base + doc)) {
          return;
        }
        float score = scorer.score();
        if (score < floor) {
          return;
        }
        if (size == keys.length) {
          drop();
          tell();
        }
        keys[size++] = (long) Float.floatToRawIntBits(score) << 32 | base + doc; // scores are not negative
      }

      private void tell() throws IOException {
        if (skip && floor > 0) {
          scorer.setMinCompetitiveScore(floor); // not the next larger one: an equal score may win by its id
        }
      }
    };
  }

  /** Drops the hits that are worse than the k-th; makes room where too many are equal to it. */
  private void drop() {
    if (size > k && k > 0) {
      long cut = kth() >>> 32;
      int kept = 0;
      for (int i = 0; i < size; i++) {
        if (keys[i] >>> 32 >= cut) {
          keys[kept++] = keys[i];
        }
      }
      size = kept;
      floor = Float.intBitsToFloat((int) cut);
    }
    if (size > keys.length / 2) {
      keys = Arrays.copyOf(keys, 2 * keys.length);
    }
  }

  /** The k-th largest key, by quickselect; the keys' order changes. */
  private long kth() {
    int wanted = size - k;
    int low = 0;
    int high = size - 1;
    while (low < high) {
      long a = keys[low];
      long b = keys[(low + high) >>> 1];
      long c = keys[high];
      long pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
      int i = low;
      int j = high;
      while (i <= j) {
        while (keys[i] < pivot) {
          i++;
        }
        while (keys[j] > pivot) {
          j--;
        }
        if (i <= j) {
          long key = keys[i];
          keys[i++] = keys[j];
          keys[j--] = key;
        }
      }
      if (wanted <= j) {
        high = j;
      } else if (wanted >= i) {
        low = i;
      } else {
        break;
      }
    }
    return keys[wanted];
  }

  /** Turns what was collected into a ranking, best first. */
  TopHits sorted() {
    drop();
    Arrays.sort(keys, 0, size);
    int found = Math.min(size, k);
    docs = new int[found];
    scores = new float[found];
    int at = 0;
    for (int end = size; at < found; ) {
      int begin = end - 1;
      while (begin > 0 && keys[begin - 1] >>> 32 == keys[end - 1] >>> 32) {
        begin--;
      }
      at = take(begin, end, at);
      end = begin;
    }
    keys = null;
    return this;
  }

  /** Appends the documents of one score, keys begin to end, by id. */
  private int take(int begin, int end, int at) {
    float score = Float.intBitsToFloat((int) (keys[begin] >>> 32));
    if (end - begin == 1) {
      docs[at] = (int) keys[begin];
      scores[at] = score;
      return at + 1;
    }
    Integer[] tied = new Integer[end - begin];
    for (int i = begin; i < end; i++) {
      tied[i - begin] = (int) keys[i];
    }
    Arrays.sort(tied, ascending ? ids::compare : (one, other) -> ids.compare(other, one));
    int last = Math.min(docs.length, at + tied.length);
    for (int i = at; i < last; i++) {
      docs[i] = tied[i - at];
      scores[i] = score;
    }
    return last;
  }
}
