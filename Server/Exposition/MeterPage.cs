using System.Buffers;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using OrleansTempo.Core;

namespace OrleansTempo.Server.Exposition;

/// <summary>
/// The service's own metrics as a scrape page: every instrument of a <see cref="TempoMetrics"/> under exactly its own name,
/// the process under Prometheus' usual <c>process_</c> names, and the runtime's meter under <c>dotnet_</c> names.
/// </summary>
internal sealed class MeterPage : IDisposable
{
    private const string RuntimeMeter = "System.Runtime";

    private readonly Lock _lock = new();
    private readonly Lock _scraping = new();
    private readonly SortedDictionary<string, MeterInstrument> _instruments = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();
    private readonly Meter _meter;

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

    public void Dispose() => _listener.Dispose();

    /// <summary>Writes the page as it is now.</summary>
    public void Write(IBufferWriter<byte> output, ExpositionFormat format)
    {
        // One page at a time: the round that another begins would leave out of this one what observables have reported for it.
        lock (_scraping)
            WritePage(new ExpositionWriter(output, format));
    }

    /// <summary>A name as Prometheus allows it.</summary>
    public static string Sanitize(string name) => string.Create(name.Length, name, static (target, source) =>
    {
        for (var i = 0; i < source.Length; i++)
            target[i] = char.IsAsciiLetterOrDigit(source[i]) ? source[i] : '_';
    });

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

        WriteProcess(writer);
        writer.End();
    }

    private static void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state) => ((MeterInstrument)state!).Record(value, tags);

    private void Publish(Instrument instrument, MeterListener listener)
    {
        string name;
        var isGauge = false;
        if (ReferenceEquals(instrument.Meter, _meter))
            name = Sanitize(instrument.Name);
        else if (instrument.Meter.Name == RuntimeMeter && !instrument.Name.StartsWith("dotnet.process.", StringComparison.Ordinal))
            name = RuntimeName(instrument, out isGauge);
        else
            return;

        var recorder = new MeterInstrument(instrument, name, isGauge);
        lock (_lock)
            _instruments[name] = recorder;
        listener.EnableMeasurementEvents(instrument, recorder);
    }

    // "dotnet.gc.pause.time", a counter of seconds, is dotnet_gc_pause_time_seconds_total. Two of the runtime's counters go up and down.
    private static string RuntimeName(Instrument instrument, out bool isGauge)
    {
        isGauge = instrument.Name is "dotnet.thread_pool.thread.count" or "dotnet.thread_pool.queue.length" || instrument.GetType().Name is not ("Counter`1" or "ObservableCounter`1");
        var name = Sanitize(instrument.Name);
        var unit = instrument.Unit switch { "By" => "_bytes", "s" => "_seconds", _ => "" };
        if (!name.EndsWith(unit, StringComparison.Ordinal))
            name += unit;
        return isGauge ? name : name + "_total";
    }

    private static void WriteProcess(ExpositionWriter writer)
    {
        using var process = Process.GetCurrentProcess();
        Sample(writer, "process_cpu_seconds_total", "counter", "User and system CPU time spent, in seconds.", process.TotalProcessorTime.TotalSeconds);
        if (OperatingSystem.IsLinux())
            Sample(writer, "process_open_fds", "gauge", "Open file descriptors.", Directory.EnumerateFileSystemEntries("/proc/self/fd").Count());
        Sample(writer, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", process.WorkingSet64);
        Sample(writer, "process_start_time_seconds", "gauge", "Start time of the process as Unix time in seconds.", (process.StartTime.ToUniversalTime() - DateTime.UnixEpoch).TotalSeconds);
        Sample(writer, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", process.VirtualMemorySize64);
    }

    private static void Sample(ExpositionWriter writer, string name, string type, string help, double value)
    {
        writer.Family(name, type, help);
        writer.Sample(System.Text.Encoding.UTF8.GetBytes(name), default, value);
    }
}
