using System.Runtime.CompilerServices;

namespace OrleansTempo.Architecture;

/// <summary>Which project may use which, of our own and of others.</summary>
public sealed class ProjectTests
{
    private const string AspNet = "Microsoft.AspNetCore.", Orleans = "Orleans.", AzureSdk = "Azure.";

    // Of our own; and what of others is one's alone to use. The silo wires all of them together.
    private static readonly Dictionary<string, (string[] Ours, string[] Others)> s_mayUse = new()
    {
        ["Core"] = ([], []),
        ["Server"] = (["Core"], [AspNet]),
        ["Grains.Interfaces"] = (["Core"], [Orleans]),
        ["Grains"] = (["Grains.Interfaces", "Core"], [Orleans]),
        ["Azure"] = (["Core"], [AzureSdk]),
        ["Client"] = (["Grains.Interfaces", "Core"], [Orleans]),
        ["Silo"] = (["Azure", "Core", "Grains", "Grains.Interfaces", "Server"], [AspNet, AzureSdk, Orleans]),
    };

    public static TheoryData<string> Projects { get; } = [.. s_mayUse.Keys];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_uses_only_the_projects_and_frameworks_that_its_row_names(string project)
    {
        var assembly = Product.Assemblies[project];
        Assert.NotEmpty(assembly.GetTypes());
        var (ours, others) = s_mayUse[project];

        Assert.Equal([], assembly.GetReferencedAssemblies().Select(static used => used.Name!).Where(used => used.StartsWith("OrleansTempo.", StringComparison.Ordinal)
            ? !ours.Contains(used["OrleansTempo.".Length..])
            : new[] { AspNet, Orleans, AzureSdk }.Any(framework => used.StartsWith(framework, StringComparison.Ordinal) && !others.Contains(framework))).Order());
    }

    [Fact]
    public void Every_project_has_a_row()
    {
        var projects = Directory.EnumerateFiles(Product.Root, "*.csproj", SearchOption.AllDirectories)
            .Select(static path => Path.GetRelativePath(Product.Root, path).Replace('\\', '/').Split('/')).Where(static path => path.Length == 2 && path[0] != "bench").Select(static path => path[0]);
        Assert.Equal(s_mayUse.Keys.Order(), projects.Order());
    }

    [Fact]
    public void The_client_sees_of_orleans_what_a_client_needs_and_not_the_runtime_of_a_silo()
    {
        Assert.DoesNotContain("Orleans.Runtime", Product.Assemblies["Client"].GetReferencedAssemblies().Select(static used => used.Name));
    }

    [Theory]
    [InlineData("Core")]
    [InlineData("Server")]
    [InlineData("Azure")]
    public void A_project_s_internals_are_seen_by_tests_and_benchmarks_alone(string project)
    {
        var friends = Product.Assemblies[project].GetCustomAttributes(typeof(InternalsVisibleToAttribute), inherit: false).Cast<InternalsVisibleToAttribute>().Select(static friend => friend.AssemblyName["OrleansTempo.".Length..]);
        Assert.Equal([], friends.Intersect(s_mayUse.Keys));
    }
}
