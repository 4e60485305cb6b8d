using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Harness.Fakes;

/// <summary>Reads points that come in any order, those of a family in one piece.</summary>
internal sealed class FixedReading : ISeriesReading
{
    private readonly Action<ISeriesVisitor> _points;
    private readonly List<string> _families = [];

    public FixedReading(Action<ISeriesVisitor> points)
    {
        _points = points;
        points(new Picker(null, name =>
        {
            if (!_families.Contains(name.Family))
                _families.Add(name.Family);
        }));
    }

    public IReadOnlyList<string> Families => _families;

    public ValueTask<bool> VisitNextAsync(string family, ISeriesVisitor visitor, CancellationToken cancellationToken)
    {
        _points(new Picker(visitor, name => name.Family == family));
        return new(false);
    }

    private sealed class Picker(ISeriesVisitor? visitor, Func<MetricName, bool> picks) : ISeriesVisitor
    {
        public Picker(ISeriesVisitor? visitor, Action<MetricName> sees)
            : this(visitor, name =>
            {
                sees(name);
                return false;
            })
        {
        }

        public void Visit(in SeriesPoint point)
        {
            if (picks(point.Name))
                visitor!.Visit(point);
        }
    }
}
