using System.Reflection;
using ArchUnitNET.Domain;
using ArchUnitNET.Loader;

namespace OrleansTempo.Architecture;

/// <summary>The product as it is built: its assemblies, and where its source is.</summary>
internal static class Product
{
    private static readonly Lazy<ArchUnitNET.Domain.Architecture> s_architecture = new(static () => new ArchLoader().LoadAssemblies([.. Assemblies!.Values]).Build());

    /// <summary>By the name of their project.</summary>
    public static IReadOnlyDictionary<string, System.Reflection.Assembly> Assemblies { get; } =
        new[] { "Azure", "Client", "Core", "Grains", "Grains.Interfaces", "Server", "Silo" }.ToDictionary(static project => project, static project => System.Reflection.Assembly.Load($"OrleansTempo.{project}"));

    /// <summary>The folder of the solution.</summary>
    public static string Root { get; } = FindRoot();

    public static IEnumerable<IType> Types => s_architecture.Value.Types;

    /// <summary>The source files of the repository, from its folder on.</summary>
    public static IReadOnlyList<string> SourceFiles { get; } =
        [.. Directory.EnumerateFiles(Root, "*.cs", SearchOption.AllDirectories)
            .Select(static path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Where(static path => !path.Split('/').Any(static part => part is "bin" or "obj" or "node_modules" || part.StartsWith('.')))
            .Order(StringComparer.Ordinal)];

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "OrleansTempo.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"no OrleansTempo.sln above {AppContext.BaseDirectory}");
    }
}
