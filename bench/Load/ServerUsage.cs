using System.Diagnostics;
using System.Globalization;

namespace OrleansTempo.Bench.Load;

/// <summary>The CPU time and memory that several processes have used so far, in total.</summary>
internal static class ServerUsage
{
    /// <summary>User and system time; from <c>/proc</c> on Linux. Null for no process.</summary>
    public static TimeSpan? Cpu(IReadOnlyList<int> processIds)
    {
        if (processIds.Count == 0)
            return null;
        var sum = TimeSpan.Zero;
        foreach (var processId in processIds)
        {
            using var process = Process.GetProcessById(processId);
            sum += process.TotalProcessorTime;
        }

        return sum;
    }

    /// <summary>The sum of the peak resident memory of each process since its start (<c>VmHWM</c>); null if the system does not tell.</summary>
    public static long? PeakMemoryBytes(IReadOnlyList<int> processIds) =>
        processIds.Count > 0 && processIds.Select(PeakMemoryBytes).ToArray() is var peaks && peaks.All(static peak => peak is not null) ? peaks.Sum() : null;

    /// <summary>The sum of their resident memory now (<c>VmRSS</c>).</summary>
    public static long MemoryBytes(IReadOnlyList<int> processIds) => processIds.Sum(MemoryBytes);

    private static long? PeakMemoryBytes(int processId)
    {
        if (Status(processId, "VmHWM:") is { } bytes)
            return bytes;
        using var process = Process.GetProcessById(processId);
        return process.PeakWorkingSet64 > 0 ? process.PeakWorkingSet64 : null;
    }

    private static long MemoryBytes(int processId)
    {
        if (Status(processId, "VmRSS:") is { } bytes)
            return bytes;
        using var process = Process.GetProcessById(processId);
        return process.WorkingSet64;
    }

    private static long? Status(int processId, string name)
    {
        var status = $"/proc/{processId}/status";
        if (!File.Exists(status))
            return null;
        var line = File.ReadLines(status).First(line => line.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.AsSpan(name.Length).Trim().TrimEnd(" kB"), CultureInfo.InvariantCulture) * 1024;
    }
}
