using System.Diagnostics;
using System.Globalization;

namespace OrleansTempo.Bench.Load;

/// <summary>What a process has used so far.</summary>
internal static class ServerUsage
{
    /// <summary>User and system time; from <c>/proc</c> on Linux.</summary>
    public static TimeSpan Cpu(int processId)
    {
        using var process = Process.GetProcessById(processId);
        return process.TotalProcessorTime;
    }

    /// <summary>The most memory it has had resident since its start (<c>VmHWM</c>); null where the system does not say.</summary>
    public static long? PeakMemoryBytes(int processId)
    {
        if (Status(processId, "VmHWM:") is { } bytes)
            return bytes;
        using var process = Process.GetProcessById(processId);
        return process.PeakWorkingSet64 > 0 ? process.PeakWorkingSet64 : null;
    }

    /// <summary>What it has resident now (<c>VmRSS</c>).</summary>
    public static long MemoryBytes(int processId)
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
