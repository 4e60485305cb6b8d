using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace OrleansTempo.Server.Exposition;

/// <summary>A meter for the process itself: processor time, memory and open files, under the names of Prometheus' client libraries.</summary>
public sealed class ProcessMetrics : IDisposable
{
    public const string MeterName = "OrleansTempo.Process";

    public ProcessMetrics()
    {
        Meter = new Meter(MeterName);
        Meter.CreateObservableCounter("process_cpu_seconds_total", static () => Read(static p => p.TotalProcessorTime.TotalSeconds), null, "User and system CPU time spent, in seconds.");
        if (OperatingSystem.IsLinux())
            Meter.CreateObservableGauge("process_open_fds", static () => Directory.EnumerateFileSystemEntries("/proc/self/fd").Count(), null, "Open file descriptors.");
        Meter.CreateObservableGauge("process_resident_memory_bytes", static () => Read(static p => p.WorkingSet64), null, "Resident memory size in bytes.");
        Meter.CreateObservableGauge("process_start_time_seconds", static () => Read(static p => (p.StartTime.ToUniversalTime() - DateTime.UnixEpoch).TotalSeconds), null, "Start time of the process as Unix time in seconds.");
        Meter.CreateObservableGauge("process_virtual_memory_bytes", static () => Read(static p => p.VirtualMemorySize64), null, "Virtual memory size in bytes.");
    }

    public Meter Meter { get; }

    public void Dispose() => Meter.Dispose();

    private static T Read<T>(Func<Process, T> value)
    {
        using var process = Process.GetCurrentProcess();
        return value(process);
    }
}
