using System.Globalization;
using System.Text.RegularExpressions;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Otlp.Reading;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator;

/// <summary>
/// Checks what must hold for every series from one collection to the next, as Prometheus sees it, while series come, go stale and
/// return under a limit: over random sequences, the same ones every time, or more with <c>GENERATOR_MODEL_SCENARIOS</c> and
/// <c>GENERATOR_MODEL_SEED</c>.
/// </summary>
public sealed class StalenessModelTests
{
    private const int Sequences = 300;

    [Fact]
    public void Series_start_at_zero_never_go_back_and_end_with_a_marker()
    {
        var first = FromEnvironment("GENERATOR_MODEL_SEED", 1);
        for (var seed = first; seed < first + FromEnvironment("GENERATOR_MODEL_SCENARIOS", Sequences); seed++)
        {
            if (Violation(new Random(seed)) is { } violation)
                Assert.Fail($"seed {seed}: {violation}");
        }
    }

    private static string? Violation(Random random)
    {
        var bench = new GeneratorBench(s => s with
        {
            MaxActiveSeries = random.Next(4) * 40,
            MaxActiveEntities = random.Next(4) * 3,
            LimiterType = (LimiterType)random.Next(2),
            ServiceGraphsConnectionInfo = random.Next(2) == 0,
            SpanMetrics = s.SpanMetrics with { EnableTargetInfo = random.Next(2) == 0 },
            ServiceGraphs = s.ServiceGraphs with { Wait = TimeSpan.FromSeconds(2) },
            Registry = s.Registry with { StaleDuration = TimeSpan.FromSeconds(random.Next(3, 20)) },
        });
        using var metrics = bench.Metrics;
        using var counters = bench.Counters;
        var prometheus = new Prometheus(bench);
        var traces = 0;
        for (var step = 0; step < 60; step++)
        {
            switch (random.Next(20))
            {
                case < 9:
                    var kind = (Kind)random.Next(1, 6);
                    var span = GeneratorBench.Span(
                        $"op{random.Next(3)}", kind, (byte)random.Next(1, 4), (byte)random.Next(0, 4), random.Next(3) * 0.3, (byte)(1 + (traces++ % 255)), [.. Peer(random)]);
                    span.Status = new() { Code = (OrleansTempo.Tests.Otlp.Status.Types.StatusCode)random.Next(3) };
                    bench.Push([("service.name", $"service{random.Next(2)}"), ("pod", $"p{random.Next(2)}")], span);
                    break;
                case < 13:
                    bench.Time.Advance(TimeSpan.FromMilliseconds(random.Next(6000)));
                    break;
                case 13:
                    bench.Apply(s => s with { DisableCollection = !s.DisableCollection });
                    break;
                default:
                    if (prometheus.Take(bench.Collect()).FirstOrDefault() is { } violation)
                        return $"step {step}: {violation}";
                    break;
            }
        }

        return null;
    }

    private static IEnumerable<(string, object)> Peer(Random random)
    {
        if (random.Next(3) == 0)
            yield return ("peer.service", "far");
    }

    private static int FromEnvironment(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } set ? int.Parse(set, CultureInfo.InvariantCulture) : otherwise;

    /// <summary>Remembers the last sample of every series, and reports what in the next collection does not follow from it.</summary>
    private sealed class Prometheus(GeneratorBench bench)
    {
        private readonly Dictionary<string, Recorder.Sample> _last = [];
        private HashSet<string> _alive = [];
        private long _lastCollectionMs;
        private bool _wasDisabled;

        public IEnumerable<string> Take(Recorder collected)
        {
            if (bench.Settings.DisableCollection)
            {
                _wasDisabled = true;
                if (collected.Samples.Count > 0)
                    yield return "series in spite of disable_collection";
                yield break;
            }

            foreach (var (series, sample) in collected.Samples)
            {
                foreach (var violation in Check(series, sample))
                    yield return $"{violation}: {series} {sample}, after {_last.GetValueOrDefault(series)}";
            }

            // While nothing is sent, nothing can be marked as ended.
            if (!_wasDisabled && _alive.Except(collected.Series).FirstOrDefault() is { } lost)
                yield return $"gone without a marker: {lost}";

            _alive = [.. collected.Samples.Where(s => !s.Value.IsStale).Select(s => s.Key)];
            var withoutOverflow = _alive.Count(static s => !s.Contains("metric_overflow"));
            var active = bench.Counters["tempo_metrics_generator_registry_active_series"];
            if (bench.Generator.ActiveSeries != _alive.Count || active != withoutOverflow)
                yield return $"{bench.Generator.ActiveSeries} series, {active} active, but {_alive.Count} were sent, {withoutOverflow} without the overflow";
            var added = bench.Counters["tempo_metrics_generator_registry_series_added_total"];
            var removed = bench.Counters["tempo_metrics_generator_registry_series_removed_total"];
            if (added - removed != withoutOverflow)
                yield return $"{added} series added and {removed} removed, but {withoutOverflow} were sent";
            var max = bench.Settings.LimiterType == LimiterType.Series ? bench.Settings.MaxActiveSeries : 0;
            if (max > 0 && withoutOverflow > max)
                yield return $"{withoutOverflow} series, {max} are allowed";

            // Their labels tell the entities of all tables apart.
            var entities = _alive.Where(s => !s.Contains("metric_overflow")).Select(s => Regex.Replace(s, "^[a-z_]*|le=\"[^\"]*\",", "")).Distinct().Count();
            var maxEntities = bench.Settings.LimiterType == LimiterType.Entity ? bench.Settings.MaxActiveEntities : 0;
            if (maxEntities > 0 && entities > maxEntities)
                yield return $"{entities} entities, {maxEntities} are allowed";
            if (bench.Counters["tempo_metrics_generator_registry_active_entities"] != entities)
                yield return $"{bench.Counters["tempo_metrics_generator_registry_active_entities"]} active entities, but {entities} were sent";
            if (bench.Counters["tempo_metrics_generator_registry_entities_added_total"] - bench.Counters["tempo_metrics_generator_registry_entities_removed_total"] != entities)
                yield return $"entities added and removed do not make {entities}";

            foreach (var (series, sample) in collected.Samples)
                _last[series] = sample;
            _lastCollectionMs = collected.Samples.Values.Select(s => s.TimestampMs).FirstOrDefault(_lastCollectionMs);
            _wasDisabled = false;
        }

        private IEnumerable<string> Check(string series, Recorder.Sample sample)
        {
            var isGauge = Regex.IsMatch(series, "^traces_(target_info|service_graph_connection_info)");
            var former = _alive.Contains(series) ? _last[series] : null;
            var begins = sample.ZeroTimestampMs != 0;
            if (sample.TimestampMs <= _lastCollectionMs)
                yield return "not later than the collection before";
            if (begins && (isGauge || sample.IsStale))
                yield return "a zero where none belongs";
            if (begins && (sample.ZeroTimestampMs >= sample.TimestampMs || sample.ZeroTimestampMs <= _lastCollectionMs))
                yield return "a zero out of order";
            if (begins && former is not null && !_wasDisabled)
                yield return "began twice";
            if (sample.IsStale && former is null)
                yield return "a marker for what is not there";
            if (!begins && !isGauge && former is null && !sample.IsStale)
                yield return "began without a zero";

            var before = begins || former is null ? 0 : former.Value;
            if (!sample.IsStale && sample.Value < before)
                yield return "went back";
            if (sample.Exemplar is null)
                yield break;
            if (sample.IsStale || sample.Value <= before)
                yield return "an exemplar of nothing new";
            var le = Regex.Match(series, "le=\"([^\"]*)\"").Groups[1].Value;
            if (le == "" || (le != "+Inf" && sample.ExemplarValue > double.Parse(le, CultureInfo.InvariantCulture)))
                yield return "an exemplar in the wrong bucket";
        }
    }
}
