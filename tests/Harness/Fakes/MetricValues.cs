using System.Diagnostics.Metrics;
using OrleansTempo.Core;

namespace OrleansTempo.Harness.Fakes;

/// <summary>Sums what one process's own metrics count: <c>name</c>, or <c>name{reason}</c> with the values of the tags that tell more than tenant and endpoint.</summary>
internal sealed class MetricValues : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, double> _sums = [];
    private readonly Dictionary<string, double> _gauges = [];

    public MetricValues(TempoMetrics metrics)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == metrics.Meter)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>A counter's sum or a gauge's last value, 0 where there is none; remote write's names may come without <c>prometheus_remote_storage_</c>.</summary>
    public double this[string shortName]
    {
        get
        {
            var name = shortName.StartsWith("tempo", StringComparison.Ordinal) ? shortName : "prometheus_remote_storage_" + shortName;
            lock (_sums)
                _gauges.Clear();
            _listener.RecordObservableInstruments();
            lock (_sums)
                return _gauges.TryGetValue(name, out var gauge) ? gauge : _sums.GetValueOrDefault(name);
        }
    }

    public void Dispose() => _listener.Dispose();

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var details = new List<string>();
        foreach (var (key, text) in tags)
        {
            if (key is not ("tenant" or "remote_name" or "url"))
                details.Add($"{text}");
        }

        var name = details.Count == 0 ? instrument.Name : $"{instrument.Name}{{{string.Join(',', details)}}}";
        lock (_sums)
        {
            if (instrument is Gauge<long>)
            {
                _sums[name] = value;
                return;
            }

            var values = instrument.IsObservable ? _gauges : _sums;
            values[name] = values.GetValueOrDefault(name) + value;
        }
    }
}
