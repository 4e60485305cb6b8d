using System.Buffers;
using System.Diagnostics.Metrics;
using OrleansTempo.Core;

namespace OrleansTempo.Server.Exposition;

/// <summary>
/// The service's own metrics as a scrape page: every instrument of a <see cref="TempoMetrics"/> under exactly its own name,
/// the process under Prometheus' usual <c>process_</c> names, and the runtime's meter under <c>dotnet_</c> names.
/// </summary>
internal sealed class MeterPage : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Lock _scraping = new();
    private readonly SortedDictionary<string, MeterInstrument> _instruments = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();
    private readonly Meter _meter;
    private readonly ProcessMetrics _process = new();

    public MeterPage(TempoMetrics metrics)
    {
        _meter = metrics.Meter;
        _listener.InstrumentPublished = Publish;
        _listener.SetMeasurementEventCallback<byte>(static (_, value, tags, state) => Record(value, tags, state));
        _listener.SetMeasurementEventCallback<short>(static (_, value, tags, state) => Record(value, tags, state));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, state) => Record(value, tags, state));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, state) => Record(value, tags, state));
        _listener.SetMeasurementEventCallback<float>(static (_, value, tags, state) => Record(value, tags, state));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, state) => Record(value, tags, state));
        _listener.SetMeasurementEventCallback<decimal>(static (_, value, tags, state) => Record((double)value, tags, state));
        _listener.Start();
    }

    public void Dispose()
    {
        _listener.Dispose();
        _process.Dispose();
    }

    /// <summary>Writes the page as it is now.</summary>
    public void Write(IBufferWriter<byte> output, ExpositionFormat format)
    {
        // One page at a time: the round that another begins would leave out of this one what observables have reported for it.
        lock (_scraping)
            WritePage(new ExpositionWriter(output, format));
    }

    private void WritePage(ExpositionWriter writer)
    {
        lock (_lock)
        {
            foreach (var instrument in _instruments.Values)
                instrument.BeginRound();
        }

        // Not under the instruments' lock: an observable's callback is the meter owner's code.
        _listener.RecordObservableInstruments();
        lock (_lock)
        {
            foreach (var instrument in _instruments.Values)
                instrument.Write(writer);
        }

        writer.End();
    }

    private static void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state) => ((MeterInstrument)state!).Record(value, tags);

    private void Publish(Instrument instrument, MeterListener listener)
    {
        string name;
        var isGauge = false;
        if (ReferenceEquals(instrument.Meter, _meter) || ReferenceEquals(instrument.Meter, _process.Meter))
        {
            name = PrometheusNames.Sanitize(instrument.Name);
        }
        else if (instrument.Meter.Name == PrometheusNames.RuntimeMeter && !instrument.Name.StartsWith("dotnet.process.", StringComparison.Ordinal))
        {
            name = PrometheusNames.WithSuffixes(instrument);
            isGauge = PrometheusNames.IsGauge(instrument);
        }
        else
        {
            return;
        }

        var recorder = new MeterInstrument(instrument, name, isGauge);
        lock (_lock)
            _instruments[name] = recorder;
        listener.EnableMeasurementEvents(instrument, recorder);
    }
}
