using System.Reflection;
using System.Runtime.CompilerServices;

namespace OrleansTempo.Client.Tests;

/// <summary>Applications get the client as a package: it may use only what the packages below it show to everyone.</summary>
public sealed class PackageTests
{
    [Fact]
    public void The_client_uses_no_internals_of_the_assemblies_below_it()
    {
        var client = typeof(ITempoClient).Assembly.GetName();
        var below = Below(typeof(ITempoClient).Assembly).ToArray();
        Assert.Equal(["OrleansTempo.Core", "OrleansTempo.Grains.Interfaces"], below.Select(static a => a.GetName().Name).Order());
        foreach (var assembly in below)
            Assert.DoesNotContain(assembly.GetCustomAttributes<InternalsVisibleToAttribute>(), friend => new AssemblyName(friend.AssemblyName).Name == client.Name);
    }

    private static IEnumerable<Assembly> Below(Assembly assembly) => assembly.GetReferencedAssemblies()
        .Where(static name => name.Name!.StartsWith("OrleansTempo.", StringComparison.Ordinal))
        .Select(Assembly.Load);
}
