package intrex.lucene;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.Term;
import org.apache.lucene.index.Terms;
import org.apache.lucene.search.BooleanClause;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.BoostQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.similarities.BM25Similarity;
import org.apache.lucene.store.FSDirectory;

/**
 * Searches many queries on several threads and hands all hits over in one array of bytes: a call from Python costs
 * some microseconds, so there is one for a batch and none for a hit.
 *
 * <p>Anserini's classes are for a later Java than the compiler may be. They come in as Lucene types, or are looked up.
 */
public final class Bulk implements Closeable {
  private static final String CONTENTS = "contents";

  private final String path;
  private final DirectoryReader reader;
  private final Analyzer analyzer;
  private final Ids ids;

  /** Opens a Lucene index; queries are cut into terms by the analyzer that its documents were cut with. */
  public Bulk(String path, Analyzer analyzer) throws IOException {
    this.path = path;
    this.analyzer = analyzer;
    this.reader = DirectoryReader.open(FSDirectory.open(Paths.get(path)));
    this.ids = Ids.read(reader);
    IndexSearcher.setMaxClauseCount(Integer.MAX_VALUE); // a query may have any number of terms
  }

  /** The documents' ids in UTF-8, one after another, in the order of Lucene's document numbers. */
  public byte[] idText() {
    return ids.text;
  }

  /** Where each id begins in {@link #idText}, and where the last one ends: int32, little endian. */
  public byte[] idOffsets() {
    ByteBuffer out = little(4 * ids.offsets.length);
    out.asIntBuffer().put(ids.offsets);
    return out.array();
  }

  /** Documents with a term, all terms of all documents, and distinct terms (-1 where an index does not know them). */
  public long[] statistics() throws IOException {
    long docs = 0;
    long tokens = 0;
    long terms = 0;
    for (LeafReaderContext leaf : reader.leaves()) {
      Terms found = leaf.reader().terms(CONTENTS);
      if (found != null) {
        docs += found.getDocCount();
        tokens += found.getSumTotalTermFreq();
        terms = reader.leaves().size() == 1 ? found.size() : -1;
      }
    }
    return new long[] {docs, tokens, terms, reader.leaves().size(), reader.maxDoc() - reader.numDocs()};
  }

  /** What the analyzer makes of each text: packed as queries are, the terms separated by new lines. */
  public byte[] terms(byte[] packed) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream(packed.length);
    for (String text : unpack(packed)) {
      byte[] terms = String.join("\n", analyze(text)).getBytes(StandardCharsets.UTF_8);
      out.writeBytes(little(4).putInt(terms.length).array());
      out.writeBytes(terms);
    }
    return out.toByteArray();
  }

  /**
   * The k best documents of each query by BM25.
   *
   * @param packed for each query its length in bytes (int32, little endian) and its text in UTF-8
   * @param ascending whether the smaller id is first where scores are equal, else the larger one
   * @return int32 hits of each query, then int32 document numbers of all hits, then their float32 scores
   */
  public byte[] search(byte[] packed, int k, float k1, float b, boolean ascending, int threads) throws Exception {
    List<String> texts = unpack(packed);
    IndexSearcher searcher = new IndexSearcher(reader);
    searcher.setSimilarity(new BM25Similarity(k1, b));
    searcher.setQueryCache(null);
    TopHits[] found = new TopHits[texts.size()];
    AtomicInteger next = new AtomicInteger();
    Callable<Void> work =
        () -> {
          for (int i = next.getAndIncrement(); i < found.length; i = next.getAndIncrement()) {
            TopHits hits = new TopHits(k, reader.maxDoc(), ids, ascending);
            searcher.search(query(texts.get(i)), hits);
            found[i] = hits.sorted();
          }
          return null;
        };
    run(work, Math.min(threads, Math.max(1, found.length)));
    return pack(found);
  }

  /** The same by Anserini's own SimpleSearcher, with its rounded scores and its order: what parity is judged by. */
  @SuppressWarnings("unchecked")
  public byte[] anserini(byte[] packed, int k, float k1, float b, int threads) throws Exception {
    List<String> texts = unpack(packed);
    List<String> names = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      names.add(Integer.toString(i));
    }
    Class<?> simple = Class.forName("io.anserini.search.SimpleSearcher");
    Class<?> scored = Class.forName("io.anserini.search.ScoredDoc");
    Field doc = scored.getField("lucene_docid");
    Field score = scored.getField("score");
    Method search = simple.getMethod("batch_search", List.class, List.class, int.class, int.class);
    TopHits[] found = new TopHits[texts.size()];
    try (Closeable searcher = (Closeable) simple.getConstructor(String.class).newInstance(path)) {
      simple.getMethod("set_bm25", float.class, float.class).invoke(searcher, k1, b);
      Map<String, Object[]> all = (Map<String, Object[]>) search.invoke(searcher, texts, names, k, threads);
      for (int i = 0; i < found.length; i++) {
        Object[] hits = all.getOrDefault(names.get(i), new Object[0]);
        int[] docs = new int[hits.length];
        float[] scores = new float[hits.length];
        for (int j = 0; j < hits.length; j++) {
          docs[j] = doc.getInt(hits[j]);
          scores[j] = score.getFloat(hits[j]);
        }
        found[i] = new TopHits(docs, scores);
      }
    }
    return pack(found);
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }

  /** What Anserini's BagOfWordsQueryGenerator builds: a term that occurs n times in the query weighs n times. */
  private Query query(String text) throws IOException {
    Map<String, Integer> counts = new LinkedHashMap<>();
    for (String term : analyze(text)) {
      counts.merge(term, 1, Integer::sum);
    }
    BooleanQuery.Builder all = new BooleanQuery.Builder();
    counts.forEach(
        (term, n) ->
            all.add(new BoostQuery(new TermQuery(new Term(CONTENTS, term)), n), BooleanClause.Occur.SHOULD));
    return all.build();
  }

  private List<String> analyze(String text) throws IOException {
    List<String> terms = new ArrayList<>();
    try (TokenStream stream = analyzer.tokenStream(null, text)) {
      CharTermAttribute term = stream.addAttribute(CharTermAttribute.class);
      stream.reset();
      while (stream.incrementToken()) {
        terms.add(term.toString());
      }
      stream.end();
    }
    return terms;
  }

  private static void run(Callable<Void> work, int threads) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try {
      List<Future<Void>> parts = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        parts.add(pool.submit(work));
      }
      for (Future<Void> part : parts) {
        part.get();
      }
    } catch (ExecutionException error) {
      throw error.getCause() instanceof Exception ? (Exception) error.getCause() : error;
    } finally {
      pool.shutdown();
    }
  }

  private static List<String> unpack(byte[] packed) {
    ByteBuffer in = ByteBuffer.wrap(packed).order(ByteOrder.LITTLE_ENDIAN);
    List<String> texts = new ArrayList<>();
    while (in.hasRemaining()) {
      int length = in.getInt();
      texts.add(new String(packed, in.position(), length, StandardCharsets.UTF_8));
      in.position(in.position() + length);
    }
    return texts;
  }

  private static byte[] pack(TopHits[] found) {
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

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
