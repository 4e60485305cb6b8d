using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Tests.Generator;
using OrleansTempo.Core.Tests.Storage;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Continuity;

/// <summary>
/// Owners of a tenant's series that put every collection before they send it, on a store that fails now and then, and that die at
/// any point of it: what the remote end counts is never more than was pushed.
/// </summary>
public sealed class CrashTests
{
    private const int Runs = 400;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whenever_a_process_dies_nothing_counts_twice_and_nothing_is_sent_out_of_order(bool storeFails)
    {
        var (crashes, restored) = (0, 0);
        for (var seed = 1; seed <= Runs; seed++)
        {
            var world = new World(seed, storeFails);
            await world.RunAsync();
            crashes += world.Crashes;
            restored += world.Restored;

            // As long as the store takes what it is given, nothing that was collected is lost.
            if (!storeFails)
                Assert.Equal((0, world.Crashes), (world.Refused, world.Restored));
        }

        Assert.InRange(crashes, Runs, int.MaxValue);
        Assert.InRange(restored, Runs, crashes);
    }

    private sealed class World
    {
        private readonly int _seed;
        private readonly Random _random;
        private readonly bool _storeFails;
        private readonly InMemoryObjectStore _store;
        private readonly GeneratorBench _bench = new(s => s with
        {
            SpanMetricsLatency = false,
            SpanMetricsSize = false,
            ServiceGraphsRequest = false,
            ServiceGraphsLatency = false,
            Registry = s.Registry with { StaleDuration = TimeSpan.FromSeconds(40) },
        });

        // By series: what was pushed, what has been sent last, and what the remote end makes of it.
        private readonly Dictionary<string, double> _pushed = [];
        private readonly Dictionary<string, double> _sent = [];
        private readonly Dictionary<string, double> _increase = [];
        private long _sentMs;
        private int _failures;
        private int _toCrash = -1;

        public World(int seed, bool storeFails)
        {
            _seed = seed;
            _random = new Random(seed);
            _storeFails = storeFails;
            _store = new InMemoryObjectStore(_bench.Time) { Before = MayFail, After = MayFail };
        }

        public int Crashes { get; private set; }

        public int Restored { get; private set; }

        public int Refused { get; private set; }

        public async Task RunAsync()
        {
            using var metrics = _bench.Metrics;
            using var counters = _bench.Counters;
            for (var life = 0; life < 6; life++)
            {
                _toCrash = -1;
                _failures = 0;
                try
                {
                    await LiveAsync(isFirst: life == 0);
                }
                catch (DiedException)
                {
                }

                Crashes++;
            }

            // The last of them has been begun by nobody.
            Crashes--;
        }

        private async Task LiveAsync(bool isFirst)
        {
            var claim = await WriterClaim.TakeAsync(_store, TenantId.Single, "all", "a", TimeSpan.Zero, _bench.Time);
            var chain = new SnapshotChain(_store, TenantId.Single, "all", claim.Epoch, _bench.Time);
            var generator = _bench.Renew();
            if (!isFirst)
            {
                Assert.NotNull(claim.CrashedEpoch);
                var left = await SnapshotChain.ReadAsync(_store, TenantId.Single, "all", claim.CrashedEpoch.Value);
                if (left.Problem is null && generator.TryRestore(left.Records, claim.LastTimestampMs, out _))
                    Restored++;
                else
                    Refused++;
                chain.Replace(left);
            }

            generator.StartAfter(claim.LastTimestampMs);
            await CollectAsync(claim, chain, generator);
            for (var step = _random.Next(2, 30); step > 0; step--)
            {
                // From here on; a start that dies leaves what the one before has left, or nothing.
                if (_toCrash < 0 && _random.Next(8) == 0)
                    _toCrash = _random.Next(12);
                switch (_random.Next(6))
                {
                    case < 3:
                        Push(_random.Next(5));
                        break;
                    case 3:
                        _bench.Time.Advance(TimeSpan.FromSeconds(_random.Next(30)));
                        break;
                    default:
                        if (_storeFails && _random.Next(3) == 0)
                            _failures = _random.Next(8);
                        await CollectAsync(claim, chain, generator);
                        break;
                }
            }
        }

        private async Task CollectAsync(WriterClaim claim, SnapshotChain chain, TenantGenerator generator)
        {
            _bench.Time.Advance(TimeSpan.FromMilliseconds(1));
            var collected = new Recorder();
            var collectionMs = generator.Collect(collected);
            if (await Passing(chain.TryPutAsync(chain.Record(generator))) is not null)
            {
                while (true)
                {
                    try
                    {
                        await claim.RenewAsync(collectionMs);
                        break;
                    }
                    catch (IOException)
                    {
                    }
                }
            }

            Send(collected, collectionMs);
            await chain.TidyAsync();
        }

        private Task<string?> Passing(Task<string?> putting) => _bench.Time.PassUntilAsync(putting, TimeSpan.FromSeconds(1));

        private void Push(int span)
        {
            _bench.Push("cart", GeneratorBench.Span($"/{span}", Kind.Internal, 1));
            var series = $$"""traces_spanmetrics_calls_total{service="cart",span_kind="SPAN_KIND_INTERNAL",span_name="/{{span}}",status_code="STATUS_CODE_UNSET"}""";
            _pushed[series] = _pushed.GetValueOrDefault(series) + 1;
        }

        // As Prometheus: what is lower than before has begun again from 0, and a first sample says nothing of what was before it.
        private void Send(Recorder collected, long collectionMs)
        {
            Assert.True(collectionMs > _sentMs, $"seed {_seed}: {collectionMs} is sent after {_sentMs}");
            foreach (var (series, sample) in collected.Samples)
            {
                if (sample.IsStale)
                    continue;
                if (sample.ZeroTimestampMs != 0)
                {
                    Assert.True(sample.ZeroTimestampMs > _sentMs, $"seed {_seed}: a 0 of {series} is out of order");
                    _sent[series] = 0;
                }

                if (_sent.TryGetValue(series, out var before))
                    _increase[series] = _increase.GetValueOrDefault(series) + (sample.Value >= before ? sample.Value - before : sample.Value);

                _sent[series] = sample.Value;
                var counted = _increase.GetValueOrDefault(series);
                Assert.True(counted <= _pushed[series], $"seed {_seed}: {counted} of {series} are counted, {_pushed[series]} were pushed");
            }

            _sentMs = collectionMs;
        }

        private Task MayFail(string operation, string name)
        {
            if (_toCrash == 0)
                throw new DiedException();
            if (_toCrash > 0)
                _toCrash--;
            return operation is "Put" or "PutIfMatch" && _failures > 0 && _failures-- > 0 ? throw new IOException("not now") : Task.CompletedTask;
        }
    }

    private sealed class DiedException : Exception;
}
