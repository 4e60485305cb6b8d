using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Generator.Samples;

public sealed class SeriesReadingsTests
{
    private readonly GeneratorBench _bench = new(settings => settings with { Registry = settings.Registry with { StaleDuration = TimeSpan.FromMinutes(1) } });
    private readonly SeriesReadings _readings;

    public SeriesReadingsTests() => _readings = new SeriesReadings(_bench.Generator, _bench.Time);

    [Fact]
    public void Pieces_are_bounded_and_together_contain_each_series_once()
    {
        Push(0, 3000);
        var (reading, families) = _readings.Begin();

        Assert.Equal(["traces_spanmetrics_calls_total", "traces_spanmetrics_latency", "traces_spanmetrics_size_total"], families.Take(3));
        var (series, pieces) = Read(reading, families);
        Assert.Equal(3000 * (1 + 17 + 1), series.Count);
        Assert.All(pieces, static piece => Assert.InRange(piece, 0, SeriesReadings.SeriesPerPiece + 17));
        Assert.Equal(5, pieces.Count(static piece => piece > 9000));

        // It has ended with its last piece.
        Assert.Null(_readings.Read(reading, families[0], 0));
    }

    [Fact]
    public void Series_that_start_or_end_between_two_pieces_neither_duplicate_nor_hide_others()
    {
        Push(0, 1000);
        _bench.Time.Advance(TimeSpan.FromSeconds(50));
        Push(1000, 2000);
        var (reading, families) = _readings.Begin();

        var (series, _) = Read(reading, families, afterPiece: piece =>
        {
            if (piece != 1)
                return;
            Push(2000, 3000);
            _bench.Time.Advance(TimeSpan.FromSeconds(30));
            _bench.Generator.Collect(new Recorder());
        });

        Assert.Equal(2000, series.Count(static s => s.StartsWith("traces_spanmetrics_calls_total", StringComparison.Ordinal)));
        Assert.Equal(1000 + 1000, _bench.Generator.ActiveSeries / 19);
    }

    [Fact]
    public void An_idle_reading_ends_and_so_does_the_oldest_of_too_many()
    {
        Push(0, 1);
        var first = _readings.Begin();
        _bench.Time.Advance(TimeSpan.FromSeconds(1));
        var others = Enumerable.Range(0, 4).Select(_ => _readings.Begin()).ToList();
        Assert.Null(_readings.Read(first.Reading, first.Families[0], 0));
        Assert.NotNull(_readings.Read(others[0].Reading, others[0].Families[0], 0));

        _bench.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.NotNull(_readings.Read(others[1].Reading, others[1].Families[0], 0));
        _readings.EndIdle(TimeSpan.FromSeconds(30));

        Assert.Null(_readings.Read(others[0].Reading, others[0].Families[0], 0));
        Assert.NotNull(_readings.Read(others[1].Reading, others[1].Families[0], 0));
    }

    private void Push(int from, int to) =>
        _bench.Push("shop", [.. Enumerable.Range(from, to - from).Select(static i => GeneratorBench.Span($"name-{i}", Span.Types.SpanKind.Internal, 1))]);

    private (HashSet<string> Series, List<int> Pieces) Read(long reading, string[] families, Action<int>? afterPiece = null)
    {
        var series = new HashSet<string>();
        var pieces = new List<int>();
        foreach (var family in families)
        {
            for (var from = 0; from >= 0;)
            {
                var names = new Names();
                (var piece, from) = _readings.Read(reading, family, from)!.Value;
                SeriesRecording.Replay(piece, names);
                Assert.All(names.Seen, name => Assert.True(series.Add(name), name));
                Assert.All(names.Seen, name => Assert.StartsWith(family, name));
                pieces.Add(names.Seen.Count);
                afterPiece?.Invoke(pieces.Count);
            }
        }

        return (series, pieces);
    }

    private sealed class Names : ISeriesVisitor
    {
        public List<string> Seen { get; } = [];

        public void Visit(in SeriesPoint point) => Seen.Add($"{point.Name.Name} {point.Bucket?.Text} {string.Join(',', point.Labels.Decode())}");
    }
}
