using System.Reflection;
using System.Runtime.InteropServices;

namespace OrleansTempo.Core;

/// <summary>The version and commit of this program, and the platform it runs on.</summary>
public static class BuildInformation
{
    /// <summary>Version and commit, such as <c>1.2.0+a1b2c3</c>; without the commit if the build did not know it.</summary>
    public static string FullVersion { get; } = typeof(BuildInformation).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public static string Version { get; } = FullVersion.Split('+')[0];

    /// <summary>The commit; empty if the build did not know it.</summary>
    public static string Revision { get; } = FullVersion[Version.Length..].TrimStart('+');

    /// <summary>The labels of <c>tempo_build_info</c>: the names are Prometheus', which are made for Go, and the values those of a .NET program.</summary>
    public static IReadOnlyList<KeyValuePair<string, object?>> Labels { get; } =
    [
        new("version", Version),
        new("revision", Revision.Length > 0 ? Revision : "unknown"),

        // A .NET build does not know these two.
        new("branch", "unknown"),
        new("tags", "unknown"),
        new("goversion", RuntimeInformation.FrameworkDescription),
        new("goos", OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "darwin" : "linux"),
        new("goarch", RuntimeInformation.ProcessArchitecture is Architecture.X64 ? "amd64" : RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()),
    ];
}
