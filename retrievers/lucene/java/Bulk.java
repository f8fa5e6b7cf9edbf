package intrex.lucene;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
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
import org.apache.lucene.index.FieldInfo;
import org.apache.lucene.index.FieldInfos;
import org.apache.lucene.index.IndexOptions;
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
import org.apache.lucene.search.similarities.Similarity;
import org.apache.lucene.store.FSDirectory;

/**
 * Searches many queries on several threads and hands all hits over in one array of bytes: a call from Python costs
 * some microseconds, so there is one for a batch and none for a hit.
 *
 * <p>Anserini's classes are for a later Java than the compiler may be. They come in as Lucene types, or are looked up.
 */
public final class Bulk implements Closeable {
  static final String CONTENTS = "contents";

  /**
   * How queries are searched.
   *
   * @param k how many documents of each query
   * @param fields the fields to search; none for "contents"
   * @param weights one of each field
   * @param feedback for a second search with an expanded query, or null
   * @param within the only documents to find: a bit of each, the first in the lowest; null for all
   */
  public record Search(
      int k, float k1, float b, int threads, String[] fields, float[] weights, Feedback feedback, byte[] within) {}

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
    ByteBuffer out = Packing.little(4 * ids.offsets.length);
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

  /** The indexed fields with counts of terms, so that BM25 can score them; those of ids have none. */
  public String[] fields() {
    List<String> names = new ArrayList<>();
    for (FieldInfo field : FieldInfos.getMergedFieldInfos(reader)) {
      if (field.getIndexOptions().compareTo(IndexOptions.DOCS_AND_FREQS) >= 0) {
        names.add(field.name);
      }
    }
    return names.toArray(new String[0]);
  }

  /** Dimensions of the documents' vectors; 0 where no field has any. */
  public int dimensions() {
    int most = 0;
    for (FieldInfo field : FieldInfos.getMergedFieldInfos(reader)) {
      most = Math.max(most, field.getVectorDimension());
    }
    return most;
  }

  /** Whether documents' terms are kept, which feedback needs. */
  public boolean vectors() {
    FieldInfo field = FieldInfos.getMergedFieldInfos(reader).fieldInfo(CONTENTS);
    return field != null && field.hasVectors();
  }

  /** What the analyzer makes of each text: packed as queries are, the terms separated by new lines. */
  public byte[] terms(byte[] packed) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream(packed.length);
    for (String text : Packing.texts(packed)) {
      byte[] terms = String.join("\n", analyze(text)).getBytes(StandardCharsets.UTF_8);
      out.writeBytes(Packing.little(4).putInt(terms.length).array());
      out.writeBytes(terms);
    }
    return out.toByteArray();
  }

  /**
   * The k best documents of each query by BM25.
   *
   * @param packed the queries, see {@link Packing#texts}
   * @param ascending whether the smaller id is first where scores are equal, else the larger one
   * @return the hits, see {@link Packing#hits}
   */
  public byte[] search(byte[] packed, Search asked, boolean ascending) throws Exception {
    List<String> texts = Packing.texts(packed);
    Feedback feedback = asked.feedback();
    Similarity similarity = new BM25Similarity(asked.k1(), asked.b());
    IndexSearcher first = searcher(similarity);
    IndexSearcher second = feedback == null ? first : searcher(feedback.similarity(similarity));
    BitSet within = asked.within() == null ? null : BitSet.valueOf(asked.within());
    TopHits[] found = new TopHits[texts.size()];
    AtomicInteger next = new AtomicInteger();
    Callable<Void> work =
        () -> {
          for (int i = next.getAndIncrement(); i < found.length; i = next.getAndIncrement()) {
            List<String> terms = analyze(texts.get(i));
            Query query = query(terms, asked);
            if (feedback != null) {
              TopHits best = best(first, query, feedback.depth(asked.k()), ascending, within);
              query = feedback.expand(reader, analyzer, texts.get(i), terms, best);
            }
            found[i] = best(second, query, asked.k(), ascending, within);
          }
          return null;
        };
    run(work, Math.min(asked.threads(), Math.max(1, found.length)));
    return Packing.hits(found);
  }

  private IndexSearcher searcher(Similarity similarity) {
    IndexSearcher searcher = new IndexSearcher(reader);
    searcher.setSimilarity(similarity);
    searcher.setQueryCache(null);
    return searcher;
  }

  private TopHits best(IndexSearcher searcher, Query query, int k, boolean ascending, BitSet within)
      throws IOException {
    TopHits hits = new TopHits(k, reader.maxDoc(), ids, ascending, within);
    searcher.search(query, hits);
    return hits.sorted();
  }

  /** The same by Anserini's own SimpleSearcher, with its rounded scores and its order: what parity is judged by. */
  @SuppressWarnings("unchecked")
  public byte[] anserini(byte[] packed, Search asked) throws Exception {
    List<String> texts = Packing.texts(packed);
    List<String> names = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      names.add(Integer.toString(i));
    }
    Map<String, Float> fields = new LinkedHashMap<>();
    for (int i = 0; i < asked.fields().length; i++) {
      fields.put(asked.fields()[i], asked.weights()[i]);
    }
    Class<?> simple = Class.forName("io.anserini.search.SimpleSearcher");
    Method search = simple.getMethod(
        "batch_search_fields", List.class, List.class, int.class, int.class, Map.class);
    TopHits[] found = new TopHits[texts.size()];
    try (Closeable searcher =
        (Closeable) simple.getConstructor(String.class, Analyzer.class).newInstance(path, analyzer)) {
      simple.getMethod("set_bm25", float.class, float.class).invoke(searcher, asked.k1(), asked.b());
      int wanted = asked.k();
      if (asked.feedback() != null) {
        asked.feedback().set(searcher);
        wanted = Math.max(wanted, asked.feedback().depth(wanted)); // it looks at no more documents than it returns
      }
      Object all = search.invoke(searcher, texts, names, wanted, asked.threads(), fields);
      for (int i = 0; i < found.length; i++) {
        Object[] hits = ((Map<String, Object[]>) all).getOrDefault(names.get(i), new Object[0]);
        found[i] = hits(Arrays.copyOf(hits, Math.min(hits.length, asked.k())));
      }
    }
    return Packing.hits(found);
  }

  private static TopHits hits(Object[] scoredDocs) throws ReflectiveOperationException {
    Class<?> scored = Class.forName("io.anserini.search.ScoredDoc");
    Field doc = scored.getField("lucene_docid");
    Field score = scored.getField("score");
    int[] docs = new int[scoredDocs.length];
    float[] scores = new float[scoredDocs.length];
    for (int i = 0; i < scoredDocs.length; i++) {
      docs[i] = doc.getInt(scoredDocs[i]);
      scores[i] = score.getFloat(scoredDocs[i]);
    }
    return new TopHits(docs, scores);
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }

  /** What Anserini's BagOfWordsQueryGenerator builds: a term that occurs n times in the query weighs n times. */
  private static Query query(List<String> terms, Search asked) {
    if (asked.fields().length == 0) {
      return query(terms, CONTENTS);
    }
    BooleanQuery.Builder all = new BooleanQuery.Builder();
    for (int i = 0; i < asked.fields().length; i++) {
      Query one = query(terms, asked.fields()[i]);
      all.add(new BoostQuery(one, asked.weights()[i]), BooleanClause.Occur.SHOULD);
    }
    return all.build();
  }

  private static Query query(List<String> terms, String field) {
    Map<String, Integer> counts = new LinkedHashMap<>();
    for (String term : terms) {
      counts.merge(term, 1, Integer::sum);
    }
    BooleanQuery.Builder all = new BooleanQuery.Builder();
    counts.forEach(
        (term, n) -> all.add(new BoostQuery(new TermQuery(new Term(field, term)), n), BooleanClause.Occur.SHOULD));
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
}
