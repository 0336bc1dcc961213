package ebbwatch.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.zip.CRC32;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The reduced work on Kafka Streams: processor API, RocksDB store with cache and changelog, exactly_once_v2.
 *
 * What the work is, is defined in benchmarks/peers/reduced_work.py, and checked byte for byte against it. The one
 * argument is the assignment as JSON (benchmarks/peers/assignment.py); its variant is the number of stream threads.
 */
public final class ReducedWork implements Processor<byte[], byte[], byte[], byte[]> {
    private static final String STORE = "states";
    private static final int STATE_BYTES = 480;
    private static final int OUTPUT_EVERY = 200;
    private static final List<String> KINDS =
            List.of("transfer", "card", "cash", "bill", "payroll", "fee", "other");
    private static final List<String> COUNTERPARTIES =
            List.of("own_account", "own_elsewhere", "person", "merchant", "bank");
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final ObjectReader MOVED = MAPPER.readerFor(Moved.class);

    /** A transaction as this work reads it. */
    public static final class Moved {
        public String event_id;
        public String customer_id;
        public String occurred_at;
        public String account_id;
        public double amount;
        public String currency;
        public String direction;
        public String kind;
        public String counterparty;
        public double balance_after;
    }

    /** The output, field by field in this order. */
    public record Milestone(String customer_id, long events) {}

    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> states;

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
        context = given;
        states = given.getStateStore(STORE);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        try {
            Moved moved = MOVED.readValue(record.value());
            byte[] before = states.get(record.key());
            // A copy: what the store hands out may be the cache's own array.
            byte[] state = before == null ? new byte[STATE_BYTES] : before.clone();
            long count = add(ByteBuffer.wrap(state).order(ByteOrder.LITTLE_ENDIAN), moved);
            states.put(record.key(), state);
            CRC32 crc = new CRC32();
            crc.update(moved.customer_id.getBytes(StandardCharsets.UTF_8));
            if ((count + crc.getValue()) % OUTPUT_EVERY == 0) {
                byte[] body = MAPPER.writeValueAsBytes(new Milestone(moved.customer_id, count));
                context.forward(record.withValue(body));
            }
        } catch (java.io.IOException error) {
            throw new IllegalStateException("a record of this stream is always readable", error);
        }
    }

    private static long add(ByteBuffer slots, Moved moved) {
        double amount = moved.amount;
        double count = slots.getDouble(0) + 1.0;
        slots.putDouble(0, count);
        plus(slots, 1, amount);
        plus(slots, 2, amount * amount);
        if (amount > slots.getDouble(3 * 8)) {
            slots.putDouble(3 * 8, amount);
        }
        slots.putDouble(4 * 8, moved.balance_after);
        plus(slots, 5 + 2 * KINDS.indexOf(moved.kind) + (moved.direction.equals("in") ? 1 : 0), amount);
        plus(slots, 19 + Integer.parseInt(moved.occurred_at, 11, 13, 10), amount);
        plus(slots, 43 + COUNTERPARTIES.indexOf(moved.counterparty), amount);
        return (long) count;
    }

    private static void plus(ByteBuffer slots, int slot, double amount) {
        slots.putDouble(slot * 8, slots.getDouble(slot * 8) + amount);
    }

    public static void main(String[] arguments) throws Exception {
        JsonNode given = MAPPER.readTree(arguments[0]);
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, given.get("group").asText());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given.get("brokers").asText());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, given.get("directory").asText());
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, given.get("variant").asInt());
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Integer.getInteger("bench.commit.ms", 100));
        settings.put(
                StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, Long.getLong("bench.cache.bytes", 64L << 20));
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.consumerPrefix("max.poll.records"), 5000);
        settings.put(
                StreamsConfig.consumerPrefix("session.timeout.ms"), given.get("session_timeout_s").asInt() * 1000);
        settings.put(StreamsConfig.producerPrefix("linger.ms"), 20);
        settings.put(StreamsConfig.producerPrefix("batch.size"), 262144);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArray().getClass());
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArray().getClass());
        Topology topology = new Topology();
        topology.addSource("in", given.get("input_topic").asText());
        topology.addProcessor("work", ReducedWork::new, "in");
        topology.addStateStore(
                Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore(STORE), Serdes.ByteArray(), Serdes.ByteArray())
                        .withCachingEnabled(),
                "work");
        topology.addSink("out", given.get("output_topic").asText(), "work");
        KafkaStreams streams = new KafkaStreams(topology, settings);
        CountDownLatch ended = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            System.exit(70);
            return null;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close();
            ended.countDown();
        }));
        streams.start();
        ended.await();
    }
}
