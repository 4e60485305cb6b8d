using System.Diagnostics;
using System.Text.RegularExpressions;

namespace OrleansTempo.Integration.Harness;

/// <summary>
/// A test against a real Prometheus of version 3 or newer, the first to take remote write 2.0: the one that the variable PROMETHEUS_V3 names,
/// or else the one on the PATH. Skipped, with the reason, where there is none.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed partial class PrometheusV3FactAttribute : FactAttribute
{
    private static readonly Lazy<string?> s_program = new(Find);

    public PrometheusV3FactAttribute()
    {
        if (Program is null)
            Skip = "there is no prometheus of version 3 or newer on the PATH or in the variable PROMETHEUS_V3";
        else if (OperatingSystem.IsWindows())
            Skip = "the harness stops processes by SIGTERM, which Windows does not have";
    }

    /// <summary>The program's file.</summary>
    public static string? Program => s_program.Value;

    private static string? Find()
    {
        var configured = Environment.GetEnvironmentVariable("PROMETHEUS_V3");
        if (!string.IsNullOrEmpty(configured))
            return configured;
        return Tool.Find("prometheus") is { } program && MajorVersion(program) >= 3 ? program : null;
    }

    private static int MajorVersion(string program)
    {
        using var process = Process.Start(new ProcessStartInfo(program, "--version") { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var text = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
        process.WaitForExit();
        return Version().Match(text) is { Success: true } match ? int.Parse(match.Groups[1].Value) : 0;
    }

    [GeneratedRegex(@"version (\d+)\.")]
    private static partial Regex Version();
}
