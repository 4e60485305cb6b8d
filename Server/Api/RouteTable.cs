using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Api;

/// <summary>Finds the route of a request: an exact path before one that ends with a parameter, and that before one that takes all below it.</summary>
internal sealed class RouteTable
{
    private const string Rest = "{**}";

    private readonly Dictionary<string, ApiRoute> _exact = new(StringComparer.Ordinal);

    // By what comes before the parameter, its slash included.
    private readonly Dictionary<string, (ApiRoute Route, string Parameter)> _parameterized = new(StringComparer.Ordinal);

    // By what comes before the rest of the path, its slash included; few enough to be tried one by one.
    private readonly Dictionary<string, ApiRoute> _folders = new(StringComparer.Ordinal);

    public IEnumerable<ApiRoute> Routes => [.. _exact.Values, .. _parameterized.Values.Select(static p => p.Route), .. _folders.Values];

    /// <summary>Adds a route; it takes the place of one of the same path.</summary>
    public void Add(ApiRoute route)
    {
        var (parent, segment) = Split(route.Path);
        if (segment == Rest)
            _folders[parent] = route;
        else if (segment is ['{', .. var parameter, '}'])
            _parameterized[parent] = (route, parameter);
        else
            _exact[route.Path] = route;
    }

    public bool TryFind(HttpRequest request, [NotNullWhen(true)] out ApiRoute? route)
    {
        var path = request.Path.Value ?? "";
        if (_exact.TryGetValue(path, out route))
            return true;
        var (parent, segment) = Split(path);
        if (segment.Length > 0 && _parameterized.TryGetValue(parent, out var found))
        {
            request.RouteValues[found.Parameter] = segment;
            route = found.Route;
            return true;
        }

        foreach (var (folder, below) in _folders)
        {
            if (path.StartsWith(folder, StringComparison.Ordinal))
            {
                route = below;
                return true;
            }
        }

        return false;
    }

    private static (string Parent, string Segment) Split(string path)
    {
        var segment = path.LastIndexOf('/') + 1;
        return (path[..segment], path[segment..]);
    }
}
