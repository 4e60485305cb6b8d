using System.Text.RegularExpressions;

namespace OrleansTempo.Harness;

/// <summary>
/// A test against a real Prometheus of version 3 or newer, the first to take remote write 2.0: the one that the variable PROMETHEUS_V3 names,
/// or else the one on the PATH. Skipped, with the reason, where there is none.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed partial class PrometheusV3FactAttribute : FactAttribute
{
    private static readonly Lazy<(string? Program, Version Version)> s_found = new(Find);

    /// <param name="minor">The oldest minor version of 3 that has what the test looks at.</param>
    public PrometheusV3FactAttribute(int minor = 0)
    {
        if (s_found.Value.Version < new Version(3, minor))
            Skip = $"there is no prometheus of version 3.{minor} or newer on the PATH or in the variable PROMETHEUS_V3";
        else if (OperatingSystem.IsWindows())
            Skip = "the harness stops processes by SIGTERM, which Windows does not have";
    }

    /// <summary>The program's file.</summary>
    public static string? Program => s_found.Value.Program;

    private static (string? Program, Version Version) Find()
    {
        var configured = Environment.GetEnvironmentVariable("PROMETHEUS_V3");
        var program = string.IsNullOrEmpty(configured) ? Tool.Find("prometheus") : configured;
        return (program, program is null ? new Version(0, 0) : VersionOf(program));
    }

    private static Version VersionOf(string program)
    {
        var text = Task.Run(async () =>
        {
            await using var process = ChildProcess.Start(program, ["--version"], "/");
            await process.WaitForExitAsync();
            return process.Output;
        }).GetAwaiter().GetResult();
        return Number().Match(text) is { Success: true } match ? Version.Parse(match.Groups[1].Value) : new Version(0, 0);
    }

    [GeneratedRegex(@"version (\d+\.\d+)")]
    private static partial Regex Number();
}
