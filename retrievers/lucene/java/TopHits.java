package intrex.lucene;

import java.io.IOException;
import java.util.Arrays;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.search.Collector;
import org.apache.lucene.search.LeafCollector;
import org.apache.lucene.search.Scorable;
import org.apache.lucene.search.ScoreMode;

/** Collects the k best documents by score, then by id, also at the cut: a heap whose root is the worst hit kept. */
final class TopHits implements Collector {
  /** Lucene may skip documents that cannot be among the best; that pays where they are one in this many or fewer. */
  private static final int SKIPPING = 50;

  private final int k;
  private final Ids ids;
  private final boolean ascending;
  private final boolean skip;
  private int[] docs;
  private float[] scores;
  private int size;

  TopHits(int k, int documents, Ids ids, boolean ascending) {
    this.k = Math.min(k, documents);
    this.ids = ids;
    this.ascending = ascending;
    this.skip = (long) k * SKIPPING < documents;
    this.docs = new int[Math.min(this.k, 1024)];
    this.scores = new float[docs.length];
  }

  /** Hits that another searcher found and ordered. */
  TopHits(int[] docs, float[] scores) {
    this(docs.length, docs.length, null, true);
    this.docs = docs;
    this.scores = scores;
    this.size = docs.length;
  }

  int size() {
    return size;
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
        if (offer(base + doc, scorer.score())) {
          tell();
        }
      }

      private void tell() throws IOException {
        if (skip && size == k) {
          scorer.setMinCompetitiveScore(scores[0]); // not the next larger one: an equal score may win by its id
        }
      }
    };
  }

  /** Takes a hit if it is among the k best; says whether the worst one kept may have changed. */
  private boolean offer(int doc, float score) {
    if (size == k) {
      if (!worse(docs[0], scores[0], doc, score)) {
        return false;
      }
      sink(0, doc, score);
      return true;
    }
    if (size == docs.length) {
      int more = Math.min(k, 2 * size);
      docs = Arrays.copyOf(docs, more);
      scores = Arrays.copyOf(scores, more);
    }
    docs[size] = doc;
    scores[size++] = score;
    if (size == k) {
      for (int i = k / 2 - 1; i >= 0; i--) { // only a full heap needs to be one
        sink(i, docs[i], scores[i]);
      }
    }
    return size == k;
  }

  private boolean worse(int doc, float score, int other, float otherScore) {
    if (score != otherScore) {
      return score < otherScore;
    }
    int order = ids.compare(doc, other);
    return ascending ? order > 0 : order < 0;
  }

  private void sink(int hole, int doc, float score) {
    for (int child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
      int right = child + 1;
      if (right < size && worse(docs[right], scores[right], docs[child], scores[child])) {
        child = right;
      }
      if (!worse(docs[child], scores[child], doc, score)) {
        break;
      }
      docs[hole] = docs[child];
      scores[hole] = scores[child];
      hole = child;
    }
    docs[hole] = doc;
    scores[hole] = score;
  }

  /** Turns the heap into a ranking, best first. */
  TopHits sorted() {
    int all = size;
    for (int i = all / 2 - 1; i >= 0; i--) {
      sink(i, docs[i], scores[i]);
    }
    while (size > 1) {
      int doc = docs[--size];
      float score = scores[size];
      docs[size] = docs[0];
      scores[size] = scores[0];
      sink(0, doc, score);
    }
    size = all;
    return this;
  }
}
