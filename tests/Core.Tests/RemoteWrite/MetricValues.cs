using System.Diagnostics.Metrics;

namespace OrleansTempo.Core.Tests.RemoteWrite;

/// <summary>Sums what one process's own metrics count: <c>name</c>, or <c>name{reason}</c> where there is a reason.</summary>
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

    /// <summary>The name without <c>prometheus_remote_storage_</c>.</summary>
    public double this[string name]
    {
        get
        {
            lock (_sums)
                _gauges.Clear();
            _listener.RecordObservableInstruments();
            lock (_sums)
                return _gauges.TryGetValue("prometheus_remote_storage_" + name, out var gauge) ? gauge : _sums.GetValueOrDefault("prometheus_remote_storage_" + name);
        }
    }

    public void Dispose() => _listener.Dispose();

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var name = instrument.Name;
        foreach (var (key, text) in tags)
        {
            if (key == "reason")
                name += $"{{{text}}}";
        }

        lock (_sums)
        {
            var values = instrument.IsObservable ? _gauges : _sums;
            values[name] = values.GetValueOrDefault(name) + value;
        }
    }
}
